"""Every template and static file that an app puts into the host's pages."""

from loupe.contract.app import DomainApp


def shown_templates(app: type[DomainApp]) -> tuple[str, ...]:
    """The names of the app's templates, as Django finds them."""
    labelling = app.labelling
    editor = labelling.editor if labelling else None
    return (
        app.pages.result,
        app.pages.row,
        app.pages.workspace,
        *((labelling.overlay,) if labelling and labelling.overlay else ()),
        *((editor.template, editor.panel) if editor else ()),
    )


def static_files(app: type[DomainApp]) -> tuple[str, ...]:
    """The static paths of the app's icon, scripts and styles."""
    editor = app.labelling.editor if app.labelling else None
    return (
        app.icon,
        *app.pages.scripts,
        *app.pages.styles,
        *((editor.module, *editor.styles) if editor else ()),
    )
