"""What columns tend to be called, in English and Chinese."""

import re
from collections.abc import Iterable

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SPLIT = re.compile(r"[^0-9a-zA-Z\u4e00-\u9fff]+")
_FILLER = frozenset(
    {"tx", "trans", "txn", "transaction", "the", "of", "payment", "pmt", "purchase"}
)

CONCEPTS: dict[str, tuple[str, ...]] = {
    "time": (
        *(
            "time",
            "datetime",
            "timestamp",
            "date",
            "created at",
            "occurred",
            "booked",
            "event time",
        ),
        *("trans date trans time", "ts", "when", "交易时间", "时间", "日期"),
    ),
    "amount": (*("amount", "amt", "value", "sum", "price", "total", "gross", "交易金额", "金额"),),
    "currency": ("currency", "ccy", "curr", "currency code", "iso currency", "币种", "货币"),
    "id": (
        *("id", "transaction id", "trans id", "tx id", "txn id", "trans num", "uid", "reference"),
        *("ref", "payment id", "order id", "交易号", "流水号", "订单号", "交易编号"),
    ),
    "label": (
        *("fraud", "is fraud", "label", "class", "target", "chargeback", "fraudulent", "isfraud"),
        *("fraud flag", "欺诈", "标签"),
    ),
    "label_time": (
        *("label time", "label date", "label known at", "chargeback date", "reported at"),
        *("fraud reported", "label at", "标签时间"),
    ),
    "customer": (
        *(
            "customer",
            "client",
            "account",
            "user",
            "payer",
            "sender",
            "buyer",
            "cardholder",
            "member",
        ),
        *("acct", "name orig", "nameorig", "from account", "cust", "customer id", "holder"),
        *("客户", "付款方", "用户", "账户"),
    ),
    "payee": (
        *(
            "merchant",
            "terminal",
            "shop",
            "store",
            "payee",
            "beneficiary",
            "receiver",
            "seller",
            "pos",
        ),
        *("name dest", "namedest", "to account", "vendor", "merchant id", "target account"),
        *("recipient", "商户", "终端", "收款方"),
    ),
    "device": ("device", "device id", "imei", "handset", "fingerprint", "device info", "设备"),
    "address": ("ip", "ip address", "ip addr", "client ip", "remote addr", "address ip", "ip 地址"),
    "card": ("card", "pan", "cc num", "card number", "card id", "card no", "cc", "卡号", "银行卡"),
    "email": ("email", "e mail", "mail", "p emaildomain", "邮箱"),
    "phone": ("phone", "mobile", "msisdn", "telephone", "手机", "电话"),
    "country": ("country", "nation", "country code", "iso country", "国家", "国家或地区"),
    "channel": ("channel", "type", "method", "entry mode", "渠道"),
    "category": ("category", "mcc", "merchant category", "product cd", "类别"),
}


def tokens(name: str) -> tuple[str, ...]:
    """The words of a column's name, in lower case.

    >>> tokens("TX_AMOUNT"), tokens("isFraud"), tokens("客户ID")
    (('tx', 'amount'), ('is', 'fraud'), ('客户', 'id'))
    """
    parts = re.sub(r"(?<=[\u4e00-\u9fff])(?=[0-9A-Za-z])", " ", _CAMEL.sub(" ", name))
    return tuple(part.lower() for part in _SPLIT.split(parts) if part)


def likeness(name: str, phrases: Iterable[str]) -> float:
    """How well a name fits the best of some phrases, 0 to 1: 1 for the phrase itself."""
    words = tokens(name)
    bare = tuple(word for word in words if word not in _FILLER) or words
    return max((_one(words, bare, tokens(phrase)) for phrase in phrases), default=0.0)


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
