"""Trainings and evaluations for the commands and schedules of apps."""

from loupe.training.foreground import TrainingEnded, measure_here, train_here
from loupe.training.gathering import freeze
from loupe.training.models import Run
from loupe.training.services import start

__all__ = ["Run", "TrainingEnded", "freeze", "measure_here", "start", "train_here"]
