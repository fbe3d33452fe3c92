//! Topics of the words that say what a number beside them is, where it is no row of the tables of identifiers.
//!
//! Never here: how words are looked for (`context`).

/// Topics of words that are no identifier's; those of the recognisers follow.
pub(super) mod topic {
    pub(in super::super) const PHONE: usize = 1;
    pub(in super::super) const CARD: usize = 2;
    pub(in super::super) const BIRTH: usize = 3;
    pub(in super::super) const PLACE: usize = 4;
    pub(in super::super) const VERSION: usize = 5;
    pub(in super::super) const OTHER: usize = 6;
    pub(in super::super) const FIRST: usize = 8;
}

#[rustfmt::skip]
pub(super) const WORDS: [(usize, &[&str]); 7] = [
    (
        super::context::GENERIC,
        &[
        "number", "numbers", "nummer", "numéro", "numero", "número", "номер", "no.", "nr.", "n°",
    ],
    ),
    (
        topic::PHONE,
        &[
        "phone", "telephone", "telefon", "téléphone", "telephon", "teléfono", "telefono", "telefoon", "tel", "tlf",
        "mobile", "mobil", "móvil", "cell", "celular", "cellulare", "handy", "portable", "gsm", "puhelin", "fax",
        "desk", "landline", "festnetz", "hotline", "helpline", "call", "calling", "dial", "ring", "sms", "text me",
        "texted", "message", "messages", "whatsapp", "viber", "telegram", "signal", "voicemail", "pager", "contact",
        "reach", "answering", "answer at", "rufnummer", "anrufen", "erreichbar", "rückruf", "appelez", "llame",
        "llamar", "chiama", "телефон", "мобильный", "позвон", "电话", "電話", "手机", "手機", "전화", "휴대폰", "هاتف", "फोन",
        "โทร", "טלפון", "ext.", "switchboard",
    ],
    ),
    (
        topic::CARD,
        &[
        "card", "cards", "cc", "visa", "mastercard", "maestro", "amex", "american express", "discover", "diners",
        "jcb", "unionpay", "credit", "debit", "karte", "kreditkarte", "carte", "tarjeta", "carta", "cartão", "kaart",
        "kort", "karta", "карт", "信用卡", "カード", "pan", "atm",
    ],
    ),
    (
        topic::BIRTH,
        &[
        "born", "birth", "birthday", "birthdate", "dob", "d.o.b", "bday", "geboren", "geb.", "geburtsdatum",
        "geburtstag", "né le", "née le", "naissance", "nacido", "nacida", "nacimiento", "nato il", "nata il",
        "nascita", "geboortedatum", "geboren", "född", "født", "syntynyt", "urodz", "nascimento", "nascido",
        "narozen", "родил", "рождения", "出生", "生年月日", "생년월일",
    ],
    ),
    (
        topic::PLACE,
        &[
        "lat", "latitude", "longitude", "lng", "coordinate", "coordinates", "coords", "gps", "location", "located",
        "geo", "position", "koordinaten", "standort", "coordonnées", "coordenadas", "coordinate", "координат", "坐标",
        "waypoint", "geolocation", "maps",
    ],
    ),
    (
        topic::VERSION,
        &[
        "version", "release", "firmware", "build", "ver.", "revision", "oid", "snmp", "section", "chapter",
    ],
    ),
    (
        topic::OTHER,
        &[
        "order", "invoice", "tracking", "ticket", "isbn", "issn", "reference", "serial", "case", "account", "konto",
        "bestell", "rechnung", "sku", "iban", "timestamp", "population", "price", "amount", "total", "revenue",
        "bytes", "pixels", "meters", "km", "points", "id", "uuid", "commit", "hash",
    ],
    ),
];
