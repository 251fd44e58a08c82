"""The network, its stored form, and what turns a volume into findings and a draft."""
