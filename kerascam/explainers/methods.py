"""All methods that explain one score of one image."""

from kerascam.explainers import (
    CAM,
    RISE,
    AblationCAM,
    Deconvnet,
    EigenCAM,
    GradCAM,
    GradCAMPlusPlus,
    GuidedBackprop,
    GuidedGradCAM,
    HiResCAM,
    InputXGradient,
    IntegratedGradients,
    LayerCAM,
    Occlusion,
    Saliency,
    ScoreCAM,
    SmoothGrad,
    VarGrad,
    XGradCAM,
)

METHODS = (
    *(CAM, GradCAM, GradCAMPlusPlus, XGradCAM, HiResCAM, LayerCAM, EigenCAM, AblationCAM, ScoreCAM),
    *(Saliency, InputXGradient, SmoothGrad, VarGrad, IntegratedGradients),
    *(GuidedBackprop, Deconvnet, GuidedGradCAM, Occlusion, RISE),
)
