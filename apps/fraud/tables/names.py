"""What columns tend to be called, in English, German and Chinese.

German joins words: *Händlernummer* is read as *händler nummer*, by the parts that such names begin
or end with. Accents do not count, nor whether an umlaut is written as two letters.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ0-9])(?=[A-ZÀ-ÖØ-Þ])")
_SPLIT = re.compile(r"[\W_]+")
_FILLER = frozenset(
    {
        *("tx", "trans", "txn", "transaction", "the", "of", "payment", "pmt", "purchase"),
        *("transaktion", "transaktions", "zahlung", "zahlungs", "buchung", "buchungs"),
        *("in", "der", "des"),
    }
)
_BEGIN = ("transaktions", "zahlungs", "buchungs")
_END = (
    *("nummer", "nr", "kennung", "kennzeichen", "datum", "uhrzeit", "zeit", "konto", "betrag"),
    *("adresse", "kategorie", "inhaber", "kanal", "empfanger", "karte"),
)
_TWO_LETTERS = re.compile("(?<=[aou])e")

CONCEPTS: dict[str, tuple[str, ...]] = {
    "time": (
        *("time", "datetime", "timestamp", "date", "created at", "occurred", "booked"),
        *("event time", "trans date trans time", "ts", "when"),
        *("datum", "uhrzeit", "zeit", "zeitpunkt", "zeitstempel", "datum uhrzeit", "erstellt am"),
        *("datum und uhrzeit", "wertstellung", "valuta"),
        *("交易时间", "时间", "日期", "交易日期", "时间戳", "发生时间", "支付时间", "交易日期时间"),
    ),
    "amount": (
        *("amount", "amt", "value", "sum", "price", "total", "gross"),
        *("betrag", "summe", "umsatz", "brutto betrag", "wert", "preis"),
        *("交易金额", "金额", "发生额", "支付金额", "付款金额", "消费金额"),
    ),
    "currency": (
        *("currency", "ccy", "curr", "currency code", "iso currency"),
        *("währung", "währungs code", "währungs kennzeichen"),
        *("币种", "货币", "币别", "交易币种", "货币代码"),
    ),
    "id": (
        *("id", "transaction id", "trans id", "tx id", "txn id", "trans num", "uid", "reference"),
        *("ref", "payment id", "order id"),
        *("transaktions nummer", "transaktions id", "zahlungs id", "vorgangs nummer", "referenz"),
        *("referenz nummer", "beleg nummer", "buchungs nummer", "vorgang", "vorgangs id"),
        *("交易号", "流水号", "订单号", "交易编号", "交易流水号", "订单编号", "交易 id"),
    ),
    "label": (
        *("fraud", "is fraud", "label", "class", "target", "chargeback", "fraudulent", "isfraud"),
        *("fraud flag", "betrug", "ist betrug", "betrugs kennzeichen", "betrugsfall"),
        *("欺诈", "标签", "是否欺诈", "欺诈标志", "欺诈标签", "是否为欺诈"),
    ),
    "label_time": (
        *("label time", "label date", "label known at", "chargeback date", "reported at"),
        *("fraud reported", "label at", "melde datum", "meldung am", "betrug gemeldet am"),
        *("betrugsmeldung am", "标签时间", "标记时间", "确认时间", "欺诈确认时间"),
    ),
    "customer": (
        *("customer", "client", "account", "user", "payer", "sender", "buyer", "cardholder"),
        *("member", "acct", "name orig", "nameorig", "from account", "cust", "customer id"),
        *("holder", "kunde", "kunden", "kunden nummer", "kunden nr", "kunden id", "konto"),
        *("kunden kennung", "konto nummer", "konto inhaber", "karten inhaber", "auftraggeber"),
        *(
            "zahler",
            "客户",
            "付款方",
            "用户",
            "账户",
            "付款人",
            "账号",
            "付款账号",
            "付款账户",
            "会员",
        ),
        *("客户号", "客户编号", "用户编号", "持卡人"),
    ),
    "payee": (
        *("merchant", "terminal", "shop", "store", "payee", "beneficiary", "receiver", "seller"),
        *("pos", "name dest", "namedest", "to account", "vendor", "merchant id", "recipient"),
        *("target account", "händler", "händler nummer", "händler nr", "händler id", "empfänger"),
        *("händler name", "empfänger konto", "begünstigter", "kasse", "verkäufer", "terminal id"),
        *("商户", "终端", "收款方", "收款人", "收款账号", "收款账户", "商家", "商户号", "商户编号"),
    ),
    "device": (
        *("device", "device id", "imei", "handset", "fingerprint", "device info"),
        *("gerät", "geräte id", "geräte nummer", "geräte kennung", "endgerät"),
        *("设备", "设备号", "设备指纹", "设备编号"),
    ),
    "address": (
        *("ip", "ip address", "ip addr", "client ip", "remote addr", "address ip", "ip adresse"),
        *("ip 地址", "客户端 ip", "登录 ip"),
    ),
    "card": (
        *("card", "pan", "cc num", "card number", "card id", "card no", "cc"),
        *("karte", "karten nummer", "karten nr", "karten id", "kredit karte"),
        *("卡号", "银行卡", "银行卡号", "卡编号"),
    ),
    "email": ("email", "e mail", "mail", "p emaildomain", "mail adresse", "邮箱", "电子邮箱"),
    "phone": (
        *("phone", "mobile", "msisdn", "telephone", "telefon", "telefon nummer", "handy nummer"),
        *("mobil nummer", "rufnummer", "手机", "手机号", "手机号码", "电话", "电话号码"),
    ),
    "country": (
        *("country", "nation", "country code", "iso country", "land", "länder code", "staat"),
        *("länder kennzeichen", "国家", "国家或地区", "国家代码", "所在国家"),
    ),
    "channel": (
        *("channel", "type", "method", "entry mode", "kanal", "zahlungs art", "vertriebs kanal"),
        *("渠道", "交易渠道", "支付方式", "交易类型"),
    ),
    "category": (
        *("category", "mcc", "merchant category", "product cd", "kategorie", "händler kategorie"),
        *("branche", "类别", "商户类别", "商户类型"),
    ),
}


def tokens(name: str) -> tuple[str, ...]:
    """The words of a column's name, in lower case.

    >>> tokens("TX_AMOUNT"), tokens("isFraud"), tokens("客户ID")
    (('tx', 'amount'), ('is', 'fraud'), ('客户', 'id'))
    """
    parts = re.sub(r"(?<=[\u4e00-\u9fff])(?=[0-9A-Za-z])", " ", _CAMEL.sub(" ", name))
    return tuple(part.lower() for part in _SPLIT.split(parts) if part)


def plain(word: str) -> str:
    """A word without accents; an umlaut written as two letters is the same word.

    >>> plain("Händler"), plain("HAENDLER"), plain("Straße")
    ('handler', 'handler', 'strasse')
    """
    split = unicodedata.normalize("NFKD", word.casefold())
    return _TWO_LETTERS.sub("", "".join(sign for sign in split if not unicodedata.combining(sign)))


def likeness(name: str, phrases: Iterable[str]) -> float:
    """How well a name fits the best of some phrases, 0 to 1: 1 for the phrase itself."""
    words = _words(name)
    bare = tuple(word for word in words if word not in _FILLER) or words
    return max((_one(words, bare, _words(phrase)) for phrase in phrases), default=0.0)


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    """The words of a name as they are compared."""
    return tuple(part for word in tokens(name) for part in _parts(plain(word)))


def _parts(word: str) -> tuple[str, ...]:
    """A German compound by its known beginning and end."""
    for begin in _BEGIN:
        if word.startswith(begin) and len(word) > len(begin) + 1:
            return begin, *_parts(word[len(begin) :])
    for end in _END:
        if word.endswith(end) and len(word) > len(end) + 1:
            return word[: -len(end)], end
    return (word,)


def _one(words: tuple[str, ...], bare: tuple[str, ...], phrase: tuple[str, ...]) -> float:
    if words == phrase:
        return 1.0
    if bare == phrase:
        return 0.95
    if "".join(words) == "".join(phrase):
        return 0.9
    joined = " ".join(words)
    if phrase and f" {' '.join(phrase)} " in f" {joined} ":
        return 0.55 + 0.3 * len(phrase) / len(words)
    if not joined.isascii() and phrase and "".join(phrase) in "".join(words):
        return 0.7
    return 0.0
