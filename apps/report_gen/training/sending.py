"""Numbers drawn on the host, for the device that trains."""

import numpy as np
import torch
from torch import Tensor


def sent(values: object, device: torch.device) -> Tensor:
    """fp32 on `device`, without waiting for what that was asked before.

    A plain copy waits until the device has done everything; beside a dozen processes that make
    phantoms on it, forty such copies took as long as the step.
    """
    host = torch.from_numpy(np.array(values, dtype=np.float32, order="C"))
    return host.to(device, non_blocking=True)
