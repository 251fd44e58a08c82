"""CT to report: findings with a place, a draft worth correcting, a signature."""
