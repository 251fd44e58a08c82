"""What a sender may say of pictures: products and stations that exist, completed by what runs."""

from collections.abc import Mapping
from uuid import UUID

from django.utils.translation import gettext as _

from apps.defect_detection.models import Product, Station
from loupe.contract.facts import FactRefused


def check(project_id: UUID, facts: Mapping[str, str]) -> Mapping[str, str]:
    """See `loupe.contract.facts.CheckFacts`: a station that is named alone says which product and
    lot run there.

    Raises:
        FactRefused: no such product or station, or a serial without its product.
    """
    said = dict(facts)
    if "station" in said:
        station = _station(project_id, said["station"])
        running = station.product
        if running is not None and said.get("product", running.key) == running.key:
            said["product"] = running.key
            if station.lot:
                said.setdefault("lot", station.lot)
    if "product" in said:
        _require_product(project_id, said["product"])
    elif "serial" in said:
        raise FactRefused(
            _(
                "serial=%(serial)r belongs to no product: name one by 'product', or a station "
                "where one runs. There are: %(known)s."
            )
            % {"serial": said["serial"], "known": _products(project_id)},
            field="product",
        )
    return said


def _station(project_id: UUID, key: str) -> Station:
    found = Station.objects.filter(project_id=project_id, key=key).select_related("product").first()
    if found is None:
        keys = Station.objects.filter(project_id=project_id).order_by("key")
        known = ", ".join(keys.values_list("key", flat=True)[:20]) or _("none")
        raise FactRefused(
            _("There is no station %(key)r; there are: %(known)s.") % {"key": key, "known": known},
            field="station",
        )
    return found


def _require_product(project_id: UUID, key: str) -> None:
    if Product.objects.filter(project_id=project_id, key=key, archived=False).exists():
        return
    raise FactRefused(
        _("There is no product %(key)r; there are: %(known)s.")
        % {"key": key, "known": _products(project_id)},
        field="product",
    )


def _products(project_id: UUID) -> str:
    keys = Product.objects.filter(project_id=project_id, archived=False).order_by("key")
    return ", ".join(keys.values_list("key", flat=True)[:20]) or _("none")
