"""All methods that explain one score of one image."""

# From their modules: lazy_loader's EAGER_IMPORT loads this file while the package is not whole.
from kerascam.explainers.ablation_cam import AblationCAM
from kerascam.explainers.cam import CAM
from kerascam.explainers.deconvnet import Deconvnet
from kerascam.explainers.eigen_cam import EigenCAM
from kerascam.explainers.grad_cam import GradCAM
from kerascam.explainers.grad_cam_plus_plus import GradCAMPlusPlus
from kerascam.explainers.guided_backprop import GuidedBackprop
from kerascam.explainers.guided_grad_cam import GuidedGradCAM
from kerascam.explainers.hires_cam import HiResCAM
from kerascam.explainers.input_x_gradient import InputXGradient
from kerascam.explainers.integrated_gradients import IntegratedGradients
from kerascam.explainers.layer_cam import LayerCAM
from kerascam.explainers.occlusion import Occlusion
from kerascam.explainers.rise import RISE
from kerascam.explainers.saliency import Saliency
from kerascam.explainers.score_cam import ScoreCAM
from kerascam.explainers.smooth_grad import SmoothGrad
from kerascam.explainers.var_grad import VarGrad
from kerascam.explainers.x_grad_cam import XGradCAM

METHODS = (
    *(CAM, GradCAM, GradCAMPlusPlus, XGradCAM, HiResCAM, LayerCAM, EigenCAM, AblationCAM, ScoreCAM),
    *(Saliency, InputXGradient, SmoothGrad, VarGrad, IntegratedGradients),
    *(GuidedBackprop, Deconvnet, GuidedGradCAM, Occlusion, RISE),
)
