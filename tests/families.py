"""The families of methods: those of one family do the same things with a model."""

import kerascam as kc

FAMILIES = {
    "CAM": (kc.CAM,),
    "gradients of features": (
        *(kc.GradCAM, kc.GradCAMPlusPlus, kc.XGradCAM, kc.HiResCAM, kc.LayerCAM),
    ),
    "features alone": (kc.EigenCAM, kc.AblationCAM),
    "gradients of pixels": (
        *(kc.Saliency, kc.InputXGradient, kc.SmoothGrad, kc.VarGrad, kc.IntegratedGradients),
    ),
    "rectified gradients": (kc.GuidedBackprop, kc.Deconvnet, kc.GuidedGradCAM),
    "changed images": (kc.ScoreCAM, kc.Occlusion, kc.RISE),
}


def one_of_each_family(turn):
    """A method of each family, each time the next ones."""
    return {members[turn % len(members)] for members in FAMILIES.values()}
