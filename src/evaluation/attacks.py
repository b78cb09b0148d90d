"""Crops changed on purpose, by somebody who has the model, so that it takes fakes for reals and
reals for fakes."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.nn import functional

from network.checkpoint import Checkpoint
from pictures.transforms import eval_transform, to_tensor

STRENGTHS = (1, 2, 4)  # of 255: how far any value of any pixel is moved at most
PGD_STEPS = 7
AT_ONCE = 16  # crops, whose every layer is kept for the gradient


def attack(
    checkpoint: Checkpoint, crops: np.ndarray, label: int, device, strength: int, steps: int
) -> np.ndarray:
    """Crops (n, S, S, 3) uint8 RGB of this label, moved by at most strength to raise the loss.

    One step is FGSM (Goodfellow et al., ICLR 2015), several are PGD (Madry et al., ICLR 2018), from
    the crops themselves, a step being 2.5 / steps of the strength.
    """
    view, reach = eval_transform(checkpoint.preprocessing), strength / 255
    step = reach * (2.5 / steps if steps > 1 else 1)
    found = []
    for part in torch.stack([to_tensor(crop) for crop in crops]).split(AT_ONCE):
        start = part.to(device).float() / 255
        moved, labels = start.clone(), torch.full((len(part),), label, device=device)
        for _ in range(steps):
            moved.requires_grad_()
            loss = functional.cross_entropy(checkpoint.model(view(moved)).float(), labels)
            (gradient,) = torch.autograd.grad(loss, moved)
            moved = moved.detach() + step * gradient.sign()
            moved = torch.clamp(start + (moved - start).clamp(-reach, reach), 0, 1)
        found.append((moved * 255).round().byte().permute(0, 2, 3, 1).cpu())
    return torch.cat(found).numpy()


# Kind -> (name of its strength; the attack, from a checkpoint, crops, label and device).
ATTACKS: dict[str, dict[str, Callable[..., np.ndarray]]] = {
    kind: {f"{n} of 255": partial(attack, strength=n, steps=steps) for n in STRENGTHS}
    for kind, steps in (("FGSM", 1), ("PGD", PGD_STEPS))
}
