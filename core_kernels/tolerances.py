"""How far an implementation may be from the fp32 reference, by dtype: the one table.

`atol` is in units of the largest magnitude of the reference's values for the case at hand, so that
a case with large values is not held to the precision of small ones. Operations whose result is
exact (choices, indices, integers) are compared with equality and do not appear here.
"""

import torch

#: dtype → (rtol, atol): a few units in the last place of a sum of some thousand terms.
TOLERANCES: dict[torch.dtype, tuple[float, float]] = {
    torch.float64: (1e-10, 1e-12),
    torch.float32: (2e-5, 2e-6),
    torch.float16: (4e-3, 2e-3),
    torch.bfloat16: (2e-2, 1.6e-2),
}


def assert_close(actual: torch.Tensor, expected: torch.Tensor, *, slack: float = 1.0) -> None:
    """Raise AssertionError unless `actual` is `expected` within the tolerance of its dtype.

    NaN equals NaN, an infinity only itself. `slack` widens the tolerance, for gradients say.
    """
    rtol, atol = TOLERANCES[actual.dtype]
    wanted = expected.to(actual.dtype)
    finite = wanted[torch.isfinite(wanted)]
    scale = max(1.0, finite.abs().max().item()) if finite.numel() else 1.0
    torch.testing.assert_close(
        actual, wanted, rtol=rtol * slack, atol=atol * scale * slack, equal_nan=True
    )
