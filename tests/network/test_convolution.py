"""Joined convolution and normalisation: torchvision's values, by a shorter way."""

import copy

import pytest
import torch
from torch import nn
from torchvision.models import convnext_tiny, efficientnet_b0
from torchvision.ops.misc import Conv2dNormActivation

from network.convolution import ConvNorm, join_norms
from network.model import DeepfakeDetector
from training.epoch import freeze_norm


def make_blocks(groups: int = 1) -> tuple[nn.Module, nn.Module]:
    """The same block twice, torchvision's and joined, with statistics that matter."""
    torch.manual_seed(0)
    block = Conv2dNormActivation(8, 8, 3, 2, groups=groups, activation_layer=nn.SiLU, inplace=False)
    nn.init.uniform_(block[1].weight, 0.5, 2)
    nn.init.uniform_(block[1].bias, -1, 1)
    block[1].running_mean.uniform_(-1, 1)
    block[1].running_var.uniform_(0.2, 4)
    joined = copy.deepcopy(block)
    join_norms(joined)
    assert type(joined) is ConvNorm and type(block) is Conv2dNormActivation
    return block, joined


def results(block: nn.Module, maps: torch.Tensor) -> list[torch.Tensor]:
    """Output, and the gradients of a loss of it by input and weights."""
    maps = maps.clone().requires_grad_()
    out = block(maps)
    (out * torch.linspace(-1, 1, out.numel()).reshape(out.shape)).sum().backward()
    return [out, maps.grad, *(p.grad for p in block.parameters())]


@pytest.mark.parametrize("groups", [1, 8])
@pytest.mark.parametrize("mode", ["train", "frozen", "eval"])
def test_joined_block_is_torchvisions_in_values_gradients_and_statistics(groups, mode):
    both = make_blocks(groups)
    for block in both:
        block.train(mode != "eval")
        if mode == "frozen":
            freeze_norm(block)
    maps = torch.randn(4, 8, 13, 11)
    for plain, joined in zip(*(results(block, maps) for block in both), strict=True):
        torch.testing.assert_close(joined, plain, rtol=1e-4, atol=1e-4)
    statistics = [block[1].running_var for block in both]
    assert torch.equal(*statistics)
    untouched = make_blocks(groups)[0][1].running_var
    assert torch.equal(statistics[0], untouched) == (mode != "train")


def test_without_statistics_to_learn_nothing_is_normalised_on_its_own():
    block = make_blocks()[1].eval()
    block[1].register_forward_hook(lambda *_: pytest.fail("normalised on its own"))
    block(torch.randn(1, 8, 8, 8))


def test_under_bf16_on_a_cpu_depthwise_convolutions_are_computed_in_fp32():
    maps = torch.randn(2, 8, 9, 9).bfloat16()
    block = make_blocks(groups=8)[1].train()
    with torch.autocast("cpu", torch.bfloat16):
        seen = []
        block[1].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        block(maps)
    exact = block[0](maps.float())
    assert torch.equal(seen[0], exact.bfloat16())  # rounded once, after the sum


def test_weights_keep_their_names_and_copies_stay_joined():
    detector = DeepfakeDetector(arch="efficientnet_b0")
    blocks = [m for m in detector.modules() if type(m) is ConvNorm]
    norms = [m for m in detector.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(blocks) == len(norms) == 49
    plain = efficientnet_b0()
    assert set(detector.features.state_dict()) == set(plain.features.state_dict())
    copied = copy.deepcopy(detector)
    assert sum(type(m) is ConvNorm for m in copied.modules()) == 49


def test_other_normalisations_are_left_alone():
    network = convnext_tiny()
    join_norms(network)
    assert not any(isinstance(m, ConvNorm) for m in network.modules())
