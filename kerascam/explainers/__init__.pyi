from .ablation_cam import AblationCAM
from .cam import CAM
from .deconvnet import Deconvnet
from .eigen_cam import EigenCAM
from .explainer import Explainer
from .explanation import Explanation
from .grad_cam import GradCAM
from .grad_cam_plus_plus import GradCAMPlusPlus
from .guided_backprop import GuidedBackprop
from .guided_grad_cam import GuidedGradCAM
from .hires_cam import HiResCAM
from .input_x_gradient import InputXGradient
from .integrated_gradients import IntegratedGradients
from .layer_cam import LayerCAM
from .methods import METHODS
from .occlusion import Occlusion
from .rise import RISE
from .saliency import Saliency
from .score_cam import ScoreCAM
from .smooth_grad import SmoothGrad
from .var_grad import VarGrad
from .x_grad_cam import XGradCAM

__all__ = [
    "CAM",
    "METHODS",
    "RISE",
    "AblationCAM",
    "Deconvnet",
    "EigenCAM",
    "Explainer",
    "Explanation",
    "GradCAM",
    "GradCAMPlusPlus",
    "GuidedBackprop",
    "GuidedGradCAM",
    "HiResCAM",
    "InputXGradient",
    "IntegratedGradients",
    "LayerCAM",
    "Occlusion",
    "Saliency",
    "ScoreCAM",
    "SmoothGrad",
    "VarGrad",
    "XGradCAM",
]
