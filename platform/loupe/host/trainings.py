"""Trainings and evaluations at a terminal, for the commands of apps."""

from loupe.training.foreground import TrainingEnded, measure_here, train_here
from loupe.training.models import Run

__all__ = ["Run", "TrainingEnded", "measure_here", "train_here"]
