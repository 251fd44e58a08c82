"""Promises of guesses: usual files are understood, with reasons; what cannot be known is asked."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.fraud.scheme import CARD_PAYMENTS, EntityType, Scheme
from apps.fraud.tables.checking import look
from apps.fraud.tables.guesses import Guess
from apps.fraud.tables.guessing import guess
from apps.fraud.tables.names import CONCEPTS, likeness, tokens
from apps.fraud.tables.parsing import parse
from apps.fraud.tables.problems import REASONS
from apps.fraud.tables.proposing import propose
from apps.fraud.training.reading import read
from loupe.contract.runtime.errors import InputRefused
from tests.apps.fraud.tables.files import FORMATS, context, written

COUNT = 200


def made(tmp_path: Path, head: str, row: str, **more: Any) -> Path:
    """A CSV file; ``{n}`` in `row` is the row's number."""
    path = tmp_path / "t.csv"
    lines = [head, *(row.format(n=n, few=n % 7, **more) for n in range(COUNT))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def roles(found: Guess) -> dict[str, str]:
    return {one.column: one.role for one in found.columns if one.role}


HANDBOOK = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_TIME_DAYS,TX_FRAUD"
SPARKOV = "trans_date_trans_time,cc_num,merchant,category,amt,trans_num,is_fraud"


@pytest.mark.parametrize(
    ("head", "row", "wanted"),
    [
        (
            HANDBOOK,
            "{n},2018-04-01 00:00:{few:02d},{few},{few},{n}.57,0,0",
            {
                "TRANSACTION_ID": "id",
                "TX_DATETIME": "time",
                "CUSTOMER_ID": "entity.customer",
                "TERMINAL_ID": "entity.terminal",
                "TX_AMOUNT": "amount",
                "TX_FRAUD": "label",
            },
        ),
        (
            "step,type,amount,nameOrig,nameDest,isFraud",
            "{n},CASH,{n}.64,C{few},M{few},0",
            {
                "step": "time",
                "type": "attribute.channel",
                "amount": "amount",
                "nameOrig": "entity.customer",
                "nameDest": "entity.terminal",
                "isFraud": "label",
            },
        ),
        (
            "交易号,交易时间,客户,商户,金额,币种,设备,欺诈",
            "T{n},2024-01-01 10:00:{few:02d},客{few},商{few},{n}.5,CNY,d{few},否",
            {
                "交易号": "id",
                "交易时间": "time",
                "客户": "entity.customer",
                "商户": "entity.terminal",
                "金额": "amount",
                "币种": "currency",
                "设备": "entity.device",
                "欺诈": "label",
            },
        ),
        (
            "Transaktionsnummer;Buchungsdatum;Kundennummer;Händler;Betrag;Währung;Kartennummer;"
            "Gerätekennung;IP-Adresse;Land;Betrug;Betrug gemeldet am",
            "T{n};1{few}.03.2024 10:00:0{few};K{few};H{few};{n},57;EUR;4{few};G{few};"
            "10.0.{few}.1;DE;nein;22.03.2024 10:00:00",
            {
                "Transaktionsnummer": "id",
                "Buchungsdatum": "time",
                "Kundennummer": "entity.customer",
                "Händler": "entity.terminal",
                "Betrag": "amount",
                "Währung": "currency",
                "Gerätekennung": "entity.device",
                "IP-Adresse": "entity.address",
                "Land": "attribute.country",
                "Betrug": "label",
                "Betrug gemeldet am": "label_time",
            },
        ),
        (
            "交易流水号,交易日期,客户编号,商户编号,交易金额(元),币种,设备指纹,IP地址,国家代码,是否欺诈,欺诈确认时间",
            "T{n},2024-01-01 10:00:{few:02d},K{few},S{few},{n}.57,CNY,d{few},10.0.{few}.1,CN,否,"
            "2024-01-09 10:00:00",
            {
                "交易流水号": "id",
                "交易日期": "time",
                "客户编号": "entity.customer",
                "商户编号": "entity.terminal",
                "交易金额(元)": "amount",
                "币种": "currency",
                "设备指纹": "entity.device",
                "IP地址": "entity.address",
                "国家代码": "attribute.country",
                "是否欺诈": "label",
                "欺诈确认时间": "label_time",
            },
        ),
        (
            "payment_id,created_at,account_id,merchant_id,gross_amount,ccy,device_id,client_ip,country",
            "p{n},2024-01-01T10:00:{few:02d}Z,a{few},m{few},{n}.25,EUR,d{few},10.0.{few}.1,DE",
            {
                "payment_id": "id",
                "created_at": "time",
                "account_id": "entity.customer",
                "merchant_id": "entity.terminal",
                "gross_amount": "amount",
                "ccy": "currency",
                "device_id": "entity.device",
                "client_ip": "entity.address",
                "country": "attribute.country",
            },
        ),
    ],
    ids=["handbook", "paysim", "chinese", "german", "chinese_bank", "payments"],
)
def test_usual_files_are_understood(
    tmp_path: Path, head: str, row: str, wanted: dict[str, str]
) -> None:
    found = guess(made(tmp_path, head, row), CARD_PAYMENTS)
    assert roles(found) == wanted
    for one in found.columns:
        assert one.reason.en.endswith(".")
        assert one.reason.zh.endswith("。")
        assert (one.confidence > 0.4) == bool(one.role)


SPELT = {
    "time": "Datum,Uhrzeit,Zeitstempel,Transaktionszeit,Datum/Uhrzeit,TX_DATUM,交易日期,时间戳",
    "amount": "Betrag (EUR),BETRAG_EUR,Zahlungsbetrag,Bruttobetrag,Summe,付款金额,金额(元),发生额",
    "currency": "Währung,Waehrung,WAEHRUNG,Währungscode,币别,货币代码",
    "id": "Transaktions-ID,TransaktionsID,Zahlungs-ID,Vorgangsnummer,交易ID,订单编号",
    "label": "Betrug,Ist Betrug,Betrugskennzeichen,欺诈标志",
    "customer": "Kunde,Kunden-Nr.,KundenID,kundenid,Auftraggeber,Kontoinhaber,客户号,付款账号",
    "payee": "Händler,HAENDLER_ID,Händlernummer,Zahlungsempfänger,Empfängerkonto,商户号,收款人",
    "device": "Gerät,Geraet,Geräte-ID,Gerätenummer,设备号",
    "address": "IP-Adresse,IPAdresse,客户端IP",
    "card": "Karte,Kartennummer,Karten-ID,Kreditkarte,银行卡号",
    "country": "Land,Ländercode,Länderkennzeichen,国家代码",
    "channel": "Kanal,Zahlungsart,支付方式",
    "category": "Kategorie,Händlerkategorie,商户类别",
}


@pytest.mark.parametrize("concept", SPELT)
def test_german_and_chinese_headings_mean_what_they_say(concept: str) -> None:
    for name in SPELT[concept].split(","):
        told = {key: likeness(name, phrases) for key, phrases in CONCEPTS.items()}
        assert told[concept] >= 0.7, name
        assert max(told.values()) == told[concept], name


@pytest.mark.parametrize(
    "name", ["paid", "android", "covid", "barcode", "start", "chart", "island", "wallet", "Artikel"]
)
def test_words_that_merely_end_alike_mean_nothing(name: str) -> None:
    assert max(likeness(name, phrases) for phrases in CONCEPTS.values()) == 0


def test_a_scheme_is_proposed_from_german_headings(tmp_path: Path) -> None:
    head = "Vorgangsnummer;Datum;Kunde;Händler;Betrag;Kartennummer;Gerätekennung;Gerätetyp"
    row = "T{n};2024-01-0{few};K{few};H{few};{n},5;4{few};G{few};A{few}"
    found = propose(made(tmp_path, head, row.replace("0{few}", "1{few}")))
    kinds = {entity.key: entity.role for entity in found.entities}
    assert kinds == {
        "customer": "payer", "merchant": "payee", "card": "instrument", "device": "instrument",
    }  # fmt: skip
    assert ("geratetyp", "Gerätetyp") in [(one.key, one.en) for one in found.attributes]


def test_a_german_label_is_read(tmp_path: Path) -> None:
    rows = "\n".join(
        f"{n};2024-01-{1 + n % 28:02d};K{n % 7};{n},50;{'ja' if n % 9 == 0 else 'nein'}"
        for n in range(COUNT)
    )
    path = tmp_path / "t.csv"
    path.write_text(f"Vorgangsnummer;Datum;Kunde;Betrag;Betrug\n{rows}\n", encoding="utf-8")
    found = guess(path, CARD_PAYMENTS)
    assert found.mapping is not None
    arrays = parse(path, context(found.mapping)).arrays
    assert arrays["amount"].tolist() == [100 * n + 50 for n in range(COUNT)]
    assert arrays["label"].tolist() == [int(n % 9 == 0) for n in range(COUNT)]


@pytest.mark.parametrize("form", FORMATS)
def test_a_guess_reads_every_format_and_the_file_it_was_made_of(tmp_path: Path, form: str) -> None:
    told = [
        {
            "id": f"T{n}",
            "time": f"2024-01-01T00:00:{n % 60:02d}Z",
            "amount": n + 0.5,
            "customer": f"c{n % 5}",
        }
        for n in range(COUNT)
    ]
    found = guess(written(tmp_path / "t", form, told), CARD_PAYMENTS)
    assert found.questions == ()
    assert found.mapping is not None
    payload = parse(tmp_path / "t", context(found.mapping))
    assert payload.arrays["amount"].tolist() == [n * 100 + 50 for n in range(COUNT)]


def test_day_and_month_are_asked_about_only_where_nothing_tells(tmp_path: Path) -> None:
    head, row = "id,time,amount,customer", "{n},0{day}/02/2024 10:00,{n}.5,c{few}"
    unsure = guess(made(tmp_path, head, row, day=3), CARD_PAYMENTS)
    assert [(one.code, one.choices) for one in unsure.questions] == [
        ("time.format", ("day_first", "month_first"))
    ]
    plain = made(tmp_path, head, row.replace("0{day}", "2{few}"))
    assert guess(plain, CARD_PAYMENTS).questions == ()
    assert guess(plain, CARD_PAYMENTS).mapping.time.format == "day_first"  # type: ignore[union-attr]


def test_whole_amounts_are_asked_about_unless_the_name_says_minor(tmp_path: Path) -> None:
    row = "{n},2024-01-01,{n}00,c{few}"
    asked = guess(made(tmp_path, "id,time,amount,customer", row), CARD_PAYMENTS)
    assert [one.code for one in asked.questions] == ["amount_unit"]
    named = guess(made(tmp_path, "id,time,amount_cents,customer", row), CARD_PAYMENTS)
    assert named.questions == ()
    assert named.mapping is not None
    assert named.mapping.amount_unit == "minor"


@pytest.mark.parametrize(
    ("amount", "decimal", "asked"),
    [
        ("{n},50", ",", []),
        ("1.{n:03d},50", ",", []),
        ("1 {n:03d}.50", ".", []),
        ("1,{n:03d}", ".", ["decimal"]),
    ],
)
def test_the_decimal_sign_is_seen_or_asked_about(
    tmp_path: Path, amount: str, decimal: str, asked: list[str]
) -> None:
    path = made(tmp_path, "id;time;amount;customer", "{n};2024-01-01;" + amount + ";c{few}")
    found = guess(path, CARD_PAYMENTS)
    assert found.mapping is not None
    assert (found.mapping.decimal, found.mapping.delimiter) == (decimal, ";")
    assert [one.code for one in found.questions if one.code == "decimal"] == asked


@pytest.mark.parametrize(
    ("scale", "form"), [(1, "epoch_s"), (10**3, "epoch_ms"), (10**6, "epoch_us")]
)
def test_epochs_are_told_by_their_size(tmp_path: Path, scale: int, form: str) -> None:
    told = [
        json.dumps({"ts": (1_700_000_000 + n) * scale, "amount": n + 0.5, "user": n % 5})
        for n in range(COUNT)
    ]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(told))
    found = guess(path, CARD_PAYMENTS)
    assert found.mapping is not None
    assert found.mapping.time.format == form


def test_a_file_without_a_payer_gets_a_question_and_no_mapping(tmp_path: Path) -> None:
    found = guess(
        made(tmp_path, "id,time,amount,colour", "{n},2024-01-01,{n}.5,blue"), CARD_PAYMENTS
    )
    assert found.mapping is None
    assert [one.code for one in found.questions] == ["entity.customer"]
    assert set(found.questions[0].choices) == {"id", "time", "amount", "colour"}


def test_entities_are_those_the_project_declares(tmp_path: Path) -> None:
    scheme = Scheme(
        entities=(
            EntityType(key="wallet", en="Wallet", zh="钱包", role="payer"),
            EntityType(key="venue", en="Venue", zh="场所", role="payee"),
        )
    )
    path = made(tmp_path, "id,time,amount,wallet_id,venue", "{n},2024-01-01,{n}.5,w{few},v{few}")
    assert roles(guess(path, scheme)) == {
        "id": "id",
        "time": "time",
        "amount": "amount",
        "wallet_id": "entity.wallet",
        "venue": "entity.venue",
    }


def test_encodings_other_than_utf_8_are_asked_about(tmp_path: Path) -> None:
    path = made(tmp_path, "id,time,amount,customer", "{n},2024-01-01,{n}.5,客户商户{few}")
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    found = guess(path, CARD_PAYMENTS)
    assert [one.code for one in found.questions] == ["encoding"]
    assert found.mapping is not None
    assert found.mapping.encoding == "gb18030"


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_without_rows_is_told_and_no_column_is_asked_about(
    tmp_path: Path, form: str
) -> None:
    nothing = pa.table({"time": pa.array([], pa.string()), "amount": pa.array([], pa.float64())})
    path = tmp_path / form
    if form == "parquet":
        pq.write_table(nothing, path)
    elif form in ("arrow", "arrows"):
        make = pa.ipc.new_file if form == "arrow" else pa.ipc.new_stream
        with make(str(path), nothing.schema) as writer:
            writer.write_table(nothing)
    else:
        path.write_text("time,amount\n" if form == "csv" else "\n\n")
    with pytest.raises(InputRefused) as refused:
        guess(path, CARD_PAYMENTS)
    assert refused.value.code == ("no_rows" if form != "jsonl" else "empty_file")


def test_a_file_without_names_is_seen_as_one(tmp_path: Path) -> None:
    path = made(tmp_path, "1,2024-01-01,5.5,c1", "{n},2024-01-01,{n}.5,c{few}")
    found = guess(path, CARD_PAYMENTS)
    assert [one.column for one in found.columns] == ["column 1", "column 2", "column 3", "column 4"]


def test_a_scheme_is_proposed_from_the_columns(tmp_path: Path) -> None:
    path = made(
        tmp_path,
        SPARKOV + ",device_id,ip",
        "2024-01-01 10:00,{few},m{few},food{few},{n}.5,t{n},0,d{few},10.0.0.{few}",
    )
    scheme = propose(path, "USD")
    assert {one.key: one.role for one in scheme.entities} == {
        "card": "payer",
        "merchant": "payee",
        "device": "instrument",
        "address": "trait",
    }
    assert scheme.entities[1].hashed or scheme.entities[0].hashed
    assert [one.key for one in scheme.attributes] == ["category"]
    assert {one.shared for one in scheme.relations} == {"device", "address"}
    assert scheme.currency == "USD"
    told = look(path, context(None))
    assert told["scheme"] == propose(path).model_dump(mode="json")


def test_names_are_taken_apart_into_words() -> None:
    assert tokens("customerAccount-ID 2") == ("customer", "account", "id", "2")
    assert likeness("TX_AMOUNT", ("amount",)) > likeness("amount_paid_total", ("amount",)) > 0
    assert likeness("camount", ("amount",)) == 0


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("amount", "NaN", "amount_nan"),
        ("amount", "abc", "amount_not_a_number"),
        ("currency", "XXQ", "currency_unknown"),
        ("timestamp", "yesterday", "time_unreadable"),
        ("transaction_id", "t0", "duplicate_id"),
    ],
)
def test_a_bad_value_in_a_short_file_is_a_bad_row_and_no_column_of_another_kind(
    tmp_path: Path, field: str, value: str, code: str
) -> None:
    head = ("transaction_id", "timestamp", "amount", "currency", "customer_id", "terminal_id")
    rows = [
        dict(zip(head, (f"t{n}", f"2024-03-01T10:0{n}:00Z", f"{n}.50", "EUR", f"c{n % 2}", "m1"),
                 strict=True))
        for n in range(5)
    ]  # fmt: skip
    rows[1][field] = value
    file = tmp_path / "short.csv"
    lines = [",".join(head), *(",".join(row.values()) for row in rows)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = read([file])
    assert found.refused == 1
    assert len(found.columns["id"]) == 4
    assert REASONS[code].en.split("{")[0] in found.problems[0]
