"""The names of the classes in pictures."""


def check_class_names(class_names, num_classes):
    """Names of the classes in their order.

    Args:
        class_names: A list of names, a dictionary from index to name, or `None` for the indices.
        num_classes: Number of classes.

    Raises:
        ValueError: If there is not a name for each class.
    """
    if class_names is None:
        return [str(index) for index in range(num_classes)]
    if isinstance(class_names, dict):
        missing = sorted(set(range(num_classes)) - set(class_names))
        if missing:
            raise ValueError(
                f"`class_names` must name the classes 0..{num_classes - 1}. Received: a dictionary "
                f"without {missing[:5]}."
            )
        return [str(class_names[index]) for index in range(num_classes)]
    if isinstance(class_names, str):
        raise ValueError(
            "`class_names` must be a list of names, or a dictionary from class index to name. "
            f"Received: {class_names!r}."
        )
    names = [str(name) for name in class_names]
    if len(names) != num_classes:
        raise ValueError(
            f"`class_names` must have a name for each of the {num_classes} classes. Received: "
            f"{len(names)} names."
        )
    return names
