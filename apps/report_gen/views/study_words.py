"""The words of the study page: its windows, its keys, and what its scripts say."""

from django.utils.translation import gettext as _


def windows() -> dict[str, str]:
    """The names of the windows, by their keys, in the order of the number keys."""
    return {
        "lung": _("Lung"),
        "mediastinum": _("Mediastinum"),
        "bone": _("Bone"),
        "liver": _("Liver"),
    }


def keys() -> list[tuple[str, str]]:
    """Keys, and what each does."""
    return [
        ("1 2 3 4", _("Lung, mediastinum, bone, liver window")),
        ("v", _("Three planes, or one")),
        ("↑ ↓", _("Slice by slice")),
        ("PgUp PgDn", _("Slice by slice, while measuring or marking too")),
        ("n p", _("Next and previous finding")),
        ("y", _("Confirm the finding")),
        ("a", _("Add a finding")),
        ("e d l z", _("Change the finding: state, side, lobes, size")),
        ("Ctrl Enter", _("Send what is changed or added")),
        ("Del", _("Remove the finding")),
        ("o", _("Show or hide masks")),
        ("m", _("Measure")),
        ("b", _("Mark a finding with a box")),
        ("← ↑ ↓ →", _("While measuring or marking: 1 mm in the plane, with Shift 10 mm")),
        ("Enter", _("While measuring or marking: set the end or the corner here")),
        ("Esc", _("While measuring or marking: drop what was set, then stop")),
        ("+ -", _("Larger, smaller, around the crosshair")),
        ("r", _("Reset the view")),
        ("f", _("Full screen")),
        ("u U", _("Undo, redo")),
        ("s", _("Sign")),
        ("t", _("Take the newer draft, where there is one")),
    ]


def script() -> dict[str, str | dict[str, str]]:
    """What the scripts say; they fill in what follows a percent sign."""
    return {
        "loading": _("Loading the volume"),
        "preview": _("Preview"),
        "whole": _("Full resolution"),
        "no_webgl": _(
            "This browser cannot draw volumes (WebGL 2 is missing). Axial slices are shown at "
            "reduced resolution."
        ),
        "failed": _("The volume cannot be shown at the moment: %why"),
        "saving": _("Saving"),
        "saved": _("All saved"),
        "unsaved": _("Not saved: no connection. What you wrote is still here."),
        "yours": _("What you wrote: %text"),
        "reload": _("Show the report as it is now"),
        "slice": _("Slice %n of %total"),
        "lost": _("Nothing is drawn here."),
        **_marking(),
        **_findings(),
    }


def _marking() -> dict[str, str | dict[str, str]]:
    return {
        "planes": {"axial": _("Axial"), "coronal": _("Coronal"), "sagittal": _("Sagittal")},
        "in_plane": _("%plane slice %n of %total"),
        "measure": _("Drag to measure, or press Enter at both ends: arrow keys move."),
        "box": _("Drag a box in any plane, or press Enter at two corners: arrow keys move."),
        "first_measure": _("The first end is set."),
        "first_box": _("The first corner is set."),
        "length": _("%mm mm."),
        "measured": _("Measured: %mm mm."),
        "apart": _("A distance lies in one slice: go back to the slice of the first end."),
        "thin": _("A box is at least 1 mm wide and high."),
        "dropped": _("Nothing is set any more."),
        "stopped": _("Stopped."),
    }


def _findings() -> dict[str, str | dict[str, str]]:
    return {
        "none_chosen": _("Choose a finding first, with n or p."),
        "no_field": _("This kind of finding has no such property."),
        "added": _("In the list now: %name"),
        "removed": _("Removed: %name. u brings it back."),
    }
