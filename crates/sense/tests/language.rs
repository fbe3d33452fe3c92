//! Languages of short prompts, of what people ask in an office. The words of `src/language.rs` were not chosen by these.

use decide::Language;

const PROMPTS: &[(&str, &str)] = &[
    ("en", "Which supplier has the lowest price for steel screws?"),
    ("en", "Summarize the meeting and list the open points."),
    ("en", "Reverse this string for me: abc"),
    ("de", "Welche Lieferanten haben den niedrigsten Preis für Schrauben?"),
    ("de", "Fasse die Besprechung zusammen und nenne die offenen Punkte."),
    ("de", "Übersetze den Satz ins Französische."),
    ("fr", "Quel fournisseur propose le prix le plus bas pour les vis ?"),
    ("fr", "Résume la réunion et donne la liste des points ouverts."),
    ("fr", "Écris une réponse courte au client."),
    ("es", "¿Qué proveedor tiene el precio más bajo para los tornillos?"),
    ("es", "Resume la reunión y haz una lista de los puntos abiertos."),
    ("es", "Traduce la frase al francés."),
    ("pt", "Qual fornecedor tem o preço mais baixo para os parafusos?"),
    ("pt", "Resuma a reunião e faça uma lista dos pontos em aberto."),
    ("pt", "Não consigo entrar na minha conta."),
    ("it", "Quale fornitore ha il prezzo più basso per le viti?"),
    ("it", "Riassumi la riunione e fai un elenco dei punti aperti."),
    ("it", "Traduci la frase in francese, per favore."),
    ("nl", "Welke leverancier heeft de laagste prijs voor schroeven?"),
    ("nl", "Vat de vergadering samen en maak een lijst van de open punten."),
    ("nl", "Ik kan niet inloggen op mijn account."),
    ("pl", "Który dostawca ma najniższą cenę śrub?"),
    ("pl", "Streść spotkanie i podaj listę otwartych spraw."),
    ("cs", "Který dodavatel má nejnižší cenu šroubů?"),
    ("cs", "Shrň schůzku a napiš seznam otevřených bodů."),
    ("sv", "Vilken leverantör har det lägsta priset på skruvar?"),
    ("sv", "Sammanfatta mötet och gör en lista över öppna punkter."),
    ("da", "Hvilken leverandør har den laveste pris på skruer?"),
    ("da", "Hvad skal jeg gøre, når min computer ikke vil starte?"),
    ("no", "Hva skal jeg gjøre når datamaskinen min ikke vil starte?"),
    ("fi", "Millä toimittajalla on alhaisin hinta, ja miten tilaan ruuveja?"),
    ("fi", "Kirjoita lyhyt vastaus asiakkaalle, kiitos."),
    ("tr", "Vidalar için en düşük fiyat hangi tedarikçide?"),
    ("tr", "Toplantıyı özetle ve açık noktaları listele."),
    ("ro", "Care furnizor are cel mai mic preț pentru șuruburi?"),
    ("hu", "Melyik szállítónak a legalacsonyabb az ára?"),
    ("hu", "Foglald össze a megbeszélést, és írd le a nyitott pontokat."),
    ("vi", "Nhà cung cấp nào có giá thấp nhất?"),
    ("id", "Pemasok mana yang memiliki harga terendah untuk sekrup?"),
    ("id", "Ringkas rapat ini dan buat daftar poin yang belum selesai."),
    ("ru", "У какого поставщика самая низкая цена на винты?"),
    ("uk", "Який постачальник має найнижчу ціну на гвинти?"),
    ("ar", "أي مورد لديه أقل سعر للبراغي؟"),
    ("fa", "کدام تأمین‌کننده پایین‌ترین قیمت پیچ را دارد؟"),
    ("he", "לאיזה ספק יש את המחיר הנמוך ביותר?"),
    ("el", "Ποιος προμηθευτής έχει τη χαμηλότερη τιμή;"),
    ("hi", "पेंच के लिए सबसे कम कीमत किस आपूर्तिकर्ता की है?"),
    ("th", "ผู้ขายรายใดมีราคาต่ำที่สุด"),
    ("zh", "哪个供应商的螺丝价格最低？"),
    ("zh", "请总结会议内容。"),
    ("ja", "ネジの価格が一番安い業者はどこですか。"),
    ("ja", "会議を要約してください。"),
    ("ko", "나사 가격이 가장 낮은 공급업체는 어디인가요?"),
];

#[test]
fn short_prompts_have_their_language() {
    let told = |text: &str| sense::language(text).map(|l| l.to_string()).unwrap_or_default();
    let wrong: Vec<_> =
        PROMPTS.iter().map(|(is, text)| (is, told(text), text)).filter(|(is, told, _)| told != *is).collect();
    // Unknown is no mistake, another language is one.
    let mistaken = wrong.iter().filter(|(_, told, _)| !told.is_empty()).count();
    println!(
        "{} of {} right, {mistaken} taken for another language: {wrong:?}",
        PROMPTS.len() - wrong.len(),
        PROMPTS.len()
    );
    assert!(wrong.len() * 12 <= PROMPTS.len() && mistaken <= 2, "{wrong:?}");
}

#[test]
fn it_stands_in_the_need() {
    let mut ask = wire::Ask::new(wire::Endpoint::Chat);
    ask.messages.push(wire::Message::text(wire::Role::User, "Wo ist der Bahnhof, bitte?"));
    assert_eq!(sense::assess(&ask).language, Language::new("de"));
}
