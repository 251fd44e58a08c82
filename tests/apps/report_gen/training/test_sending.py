"""Numbers on their way to the device."""

import numpy as np
import torch

from apps.report_gen.training.sending import sent


def test_what_is_sent_arrives_as_fp32_and_is_no_view_of_what_was_drawn() -> None:
    drawn = np.random.default_rng(1).normal(size=(3, 4))
    made = sent(drawn, torch.device("cpu"))
    assert made.dtype == torch.float32
    assert np.allclose(made.numpy(), drawn)
    made[0, 0] = 7.0
    assert drawn[0, 0] != 7.0
    small = np.array([1.0, 2.0], np.float32)
    sent(small, torch.device("cpu"))[0] = 9.0
    assert small.tolist() == [1.0, 2.0]
    assert sent([1, 2], torch.device("cpu")).tolist() == [1.0, 2.0]
