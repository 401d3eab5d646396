"""The classes of ImageNet, as the challenges since 2012 number them."""

import pathlib

_FILE = pathlib.Path(__file__).with_name("imagenet_classes.tsv")


def imagenet_names():
    """Names of the 1,000 classes of ImageNet, in the order of the networks trained on it.

    No two are the same.

    Returns:
        A list of 1,000 strings.

    Example:
        >>> names = imagenet_names()
        >>> names[285], names.index("espresso")
        ('Egyptian cat', 967)

    Reference:
        Russakovsky et al. 2015, ImageNet Large Scale Visual Recognition Challenge.
    """
    return [name for _, name in _rows()]


def imagenet_wordnet_ids():
    """WordNet identifiers of the 1,000 classes of ImageNet, which its folders are called by.

    Returns:
        A list of 1,000 strings, in the order of `imagenet_names`.

    Example:
        >>> imagenet_wordnet_ids()[285]
        'n02124075'

    Reference:
        Russakovsky et al. 2015, ImageNet Large Scale Visual Recognition Challenge.
    """
    return [identifier for identifier, _ in _rows()]


def _rows():
    return [line.split("\t") for line in _FILE.read_text(encoding="utf-8").splitlines()]
