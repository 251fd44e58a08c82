"""Layers for networks: thin `torch.nn.Module` shells over `core_kernels.dispatch`."""
