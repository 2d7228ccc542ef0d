"""Muon and Adam: directions without a scale, losses that fall, and rates that are tensors."""

import pytest
import torch
from torch import Tensor, nn

from tests.tinynet import SMALL
from vamba_cli.model.vamba import Vamba
from vamba_cli.train.objective import Objective
from vamba_cli.train.optim import Adam, Muon, Optimiser, orthogonalise

FULL = torch.tensor(1.0)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 8, 40), (2, 40, 8), (4, 64, 65), (1, 1, 7)])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_orthogonalise_leaves_no_scale(shape: tuple[int, int, int], scale: float) -> None:
    update = normal(*shape)
    result = orthogonalise(scale * update).float()
    assert result.shape == update.shape
    # Newton-Schulz of this order brings all but the smallest singular values near 1, and none far above
    values = torch.linalg.svdvals(result)
    assert float(values.max()) < 1.3
    assert float((values > 0.6).float().mean()) > 0.85
    assert bool(((update * result).sum((-2, -1)) > 0).all())  # still the same way


def test_orthogonalise_keeps_the_singular_vectors() -> None:
    u, _, v = torch.linalg.svd(normal(12, 12))
    update = u @ torch.diag(torch.linspace(1, 3, 12)) @ v
    assert float((orthogonalise(update[None])[0].float() - u @ v).norm() / 12**0.5) < 0.3


def test_orthogonalise_of_nothing_is_nothing() -> None:
    assert bool((orthogonalise(torch.zeros(2, 5, 6)) == 0).all())


def test_stacked_matrices_are_independent() -> None:
    updates = normal(3, 6, 9)
    alone = torch.cat([orthogonalise(update[None]) for update in updates])
    torch.testing.assert_close(orthogonalise(updates), alone, rtol=0.02, atol=0.02)


def distances(params: list[nn.Parameter], targets: list[Tensor]) -> Tensor:
    return torch.stack([(p - t).square().sum() for p, t in zip(params, targets, strict=True)])


def test_muon_lowers_a_quadratic() -> None:
    shapes = [(8, 12), (8, 12), (12, 8), (5, 5)]  # two of one shape go as a stack
    params = [nn.Parameter(normal(*shape, seed=i)) for i, shape in enumerate(shapes)]
    targets = [normal(*shape, seed=10 + i) for i, shape in enumerate(shapes)]
    optimiser = Muon(params, 0.05)
    before = distances(params, targets).detach()
    for _ in range(150):
        distances(params, targets).sum().backward()
        optimiser.step(FULL)
        for p in params:
            p.grad = None
    assert bool((distances(params, targets).detach() < 0.05 * before).all())


def test_muon_steps_by_its_rate_whatever_the_gradient() -> None:
    for scale in (1e-3, 1e3):
        p = nn.Parameter(torch.zeros(16, 16))
        p.grad = scale * normal(16, 16)
        Muon([p], 0.1).step(FULL)
        assert float(p.detach().norm()) == pytest.approx(0.1 * 4, rel=0.2)  # 16 singular values near 0.1


def test_what_has_no_gradient_stays() -> None:
    for make in (Muon, Adam):
        moved, still = nn.Parameter(torch.ones(4, 4)), nn.Parameter(torch.ones(4, 4))
        moved.grad = torch.ones(4, 4)
        make([moved, still], 0.1).step(FULL)
        assert bool((still == 1).all()) and bool((moved != 1).any())


def test_adam_steps_as_torch_does() -> None:
    mine, theirs = ([nn.Parameter(normal(5, 3)), nn.Parameter(normal(7))] for _ in range(2))
    own, other = Adam(mine, 0.01), torch.optim.Adam(theirs, lr=0.01, betas=(0.9, 0.97))
    for number in range(6):
        for p, q in zip(mine, theirs, strict=True):
            p.grad = normal(*p.shape, seed=number) * 10.0**-number
            q.grad = p.grad.clone()
        own.step(FULL)
        other.step()
    for p, q in zip(mine, theirs, strict=True):
        torch.testing.assert_close(p, q)


def test_the_rate_is_a_tensor_that_scales_every_step() -> None:
    for make in (Muon, Adam):
        steps = []
        for share in (1.0, 0.25, 0.0):
            p = nn.Parameter(torch.zeros(6, 6))
            p.grad = normal(6, 6)
            make([p], 0.1).step(torch.tensor(share))
            steps.append(p.detach())
        torch.testing.assert_close(steps[1], steps[0] / 4)
        assert bool((steps[2] == 0).all())


def test_every_parameter_has_one_optimiser() -> None:
    objective = Objective(Vamba(SMALL), 50, 1.0, 1.0)
    both = Optimiser(objective, 0.01, 0.001)
    names = {id(p): name for name, p in objective.named_parameters()}
    by = [[names[id(p)] for p in one.params] for one in (both.muon, both.adam)]
    assert sorted(by[0] + by[1]) == sorted(names.values())
    assert {"model.embed_tokens.weight", "model.lm_head.weight", "model.layers.0.mixer.mixer.A_log"} <= set(by[1])
    assert {"model.vision.patch_embed.weight", "model.layers.1.mlp.gate_proj.weight", "reader.linear.weight"} <= set(
        by[0]
    )
    assert (both.muon.rate, both.adam.rate) == (0.01, 0.001)
