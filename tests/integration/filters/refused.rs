//! Bad filters, each with what is said of it.

use serde_json::json;
use tonic::Code;

use super::STORE;
use crate::support::{CHINOOK_CONTRACT, CHINOOK_PLAIN_CONTRACT, Client, database, serve};

/// Open to filters are name, composer, album.title and length.
const CLOSED: &[(&str, u32, &str)] = &[
    ("bytes > 1", 1, r#""bytes" is not open to filters; these are: album.title, composer, length, name"#),
    (
        "name:* AND album.artist_id = 1",
        12,
        r#""album.artist_id" is not open to filters; these are: album.title, composer, length, name"#,
    ),
    ("album:*", 1, r#""album" is not open to filters; these are: album.title, composer, length, name"#),
    ("track = 1", 1, r#"no field "track" in Track"#),
];

/// The filter, the column at fault, the words.
const REFUSED: &[(&str, u32, &str)] = &[
    ("lenght > 200s", 1, r#"no field "lenght" in Track; did you mean "length"?"#),
    (r#"titel = "é" AND composer = "x""#, 1, r#"no field "titel" in Track; did you mean "title"?"#),
    (r#"title = "é" AND lenght > 200s"#, 17, r#"no field "lenght" in Track; did you mean "length"?"#),
    (r#"album_detail.titel = "x""#, 14, r#"no field "titel" in Album; did you mean "title"?"#),
    (r#"album_detail.artist_detail.naem = "x""#, 28, r#"no field "naem" in Artist; did you mean "name"?"#),
    (r#"playlists.titel = "x""#, 11, r#"no field "titel" in Playlist; did you mean "title"?"#),
    ("rock", 1, r#""rock" stands alone; say what of it, as in rock:* or title:"rock""#),
    (r#"title = "a" rock"#, 13, r#""rock" stands alone; say what of it, as in rock:* or title:"rock""#),
    (r#""title" = "a""#, 1, "a field's name has no quotes, and stands to the left"),
    ("length > 12", 10, r#""12" is no duration, as "length" wants it: write seconds, as 200s or 1.5s"#),
    ("length > abc", 10, r#""abc" is no duration, as "length" wants it: write seconds, as 200s or 1.5s"#),
    ("length > 1m", 10, r#""1m" is no duration, as "length" wants it: write seconds, as 200s or 1.5s"#),
    (
        "size_bytes > many",
        14,
        r#""many" is not an int4: write a whole number from -2147483648 to 2147483647, as "size_bytes" wants it"#,
    ),
    (
        r#"size_bytes:"a""#,
        12,
        r#""a" is not an int4: write a whole number from -2147483648 to 2147483647, as "size_bytes" wants it"#,
    ),
    (
        "unit_price > cheap",
        14,
        r#""cheap" is not a numeric: write a number, as 12.50, of at most 131072 digits before the point and 16383 behind, as "unit_price" wants it"#,
    ),
    (r#"album > "albums/7""#, 1, r#""album" has no order to compare by: use = or !="#),
    (r#"album = "artists/7""#, 9, r#""artists/7" is not of the form "albums/{album}""#),
    (r#"album = "albums/07""#, 9, "{album} is not in canonical form: write 7"),
    (
        r#"album = "albums/x""#,
        9,
        "{album} is not an int4: write a whole number from -2147483648 to 2147483647",
    ),
    (r#"album = "albums/*""#, 9, r#""albums/*" is compared whole: a name has no stars, but for \*"#),
    ("name = 42", 8, r#""42" is not of the form "tracks/{track}""#),
    (
        r#"name = "tracks/99999999999""#,
        8,
        "{track} is not an int4: write a whole number from -2147483648 to 2147483647",
    ),
    ("title = null", 9, "null is no value; NOT field:* finds what is absent"),
    (r#"title = "open"#, 9, "a string's closing quote is missing"),
    (r#"title = 'open""#, 9, "a string's closing quote is missing"),
    (r#"title = "a\qb""#, 11, r#"\q is no escape; write \\ for a backslash"#),
    (
        r#"title = "\u12""#,
        10,
        r#"\u takes four hexadecimal digits of a character; pairs of surrogates come together"#,
    ),
    (
        r#"title = "\u0000""#,
        9,
        "\"\0\" has U+0000 at byte 0, which Postgres cannot store, as \"title\" wants it",
    ),
    (r#"(title = "a""#, 13, "a closing parenthesis is missing"),
    (r#"title = "a")"#, 12, "')' has no place here"),
    ("title = ", 9, "ends too early: a value is missing"),
    (r#"= "a""#, 1, "'=' has no place here"),
    (r#"title "a""#, 1, r#""title" stands alone; say what of it, as in title:* or title:"title""#),
    (r#"title == "a""#, 8, "'=' has no place here"),
    (r#"AND title = "a""#, 1, "AND, OR and NOT stand between conditions; quote them to mean the words"),
    (r#"title = "a" AND"#, 13, "AND, OR and NOT stand between conditions; quote them to mean the words"),
    (
        r#"title = "a" OR OR title = "b""#,
        16,
        "AND, OR and NOT stand between conditions; quote them to mean the words",
    ),
    ("NOT", 1, "AND, OR and NOT stand between conditions; quote them to mean the words"),
    ("title = NOT", 9, "AND, OR and NOT stand between conditions; quote them to mean the words"),
    (r#"lower(title) = "a""#, 1, r#"no function "lower"; in(field, "a", "b") is the one there is"#),
    ("lower(title)", 1, r#"no function "lower"; in(field, "a", "b") is the one there is"#),
    ("in(title)", 1, r#"in takes a field and its values: in(field, "a", "b")"#),
    ("in()", 1, r#"in takes a field and its values: in(field, "a", "b")"#),
    (r#"in("a", title)"#, 4, r#"no field "a" in Track"#),
    (
        r#"title = ("a" OR "b")"#,
        1,
        r#"one value stands behind a comparison; for several write in(field, "a", "b")"#,
    ),
    (
        r#"album_detail = "albums/1""#,
        1,
        r#""album_detail" is other rows; name a field of theirs, or ask whether there are any: album_detail:*"#,
    ),
    (
        r#"playlists = "playlists/1""#,
        1,
        r#""playlists" is other rows; name a field of theirs, or ask whether there are any: playlists:*"#,
    ),
    (r#"title.x = "x""#, 7, r#""title" has no fields"#),
    (r#"album.title = "x""#, 7, r#""album" is a name, and has no fields"#),
    (r#"genre_detail.title.x = "x""#, 20, r#""genre_detail.title" has no fields"#),
    (r#"title > "a*" AND composer.y:*"#, 27, r#""composer" has no fields"#),
    (r#"title = "a"."b""#, 9, "a dot does not stand beside a string"),
    (r#"length = -"200s""#, 10, "a minus does not stand in front of a string"),
    (
        "invoice_lines.quantity = two",
        26,
        r#""two" is not an int4: write a whole number from -2147483648 to 2147483647, as "invoice_lines.quantity" wants it"#,
    ),
    (
        "invoice_lines.invoice_detail.invoice_time > 2024-01-01T00:00:00Z",
        45,
        r#"a timestamp stands in quotes: "2006-01-02T15:04:05Z""#,
    ),
    (
        r#"invoice_lines.invoice_detail.invoice_time > "yesterday""#,
        45,
        r#""yesterday" is not a timestamp: write it as 2006-01-02T15:04:05.999999Z, as "invoice_lines.invoice_detail.invoice_time" wants it"#,
    ),
    (r#"title = "a" & composer = "b""#, 13, r#""&" stands alone; say what of it, as in &:* or title:"&""#),
    ("track_id = 1", 1, r#"no field "track_id" in Track"#),
    (r#"name = "tracks/42*""#, 8, r#""tracks/42*" is compared whole: a name has no stars, but for \*"#),
    (r#"in(album, "*albums/1")"#, 11, r#""*albums/1" is compared whole: a name has no stars, but for \*"#),
    (
        r#"(((((((((((((((((((((((((((((((((title = "a")))))))))))))))))))))))))))))))))"#,
        1,
        "parentheses nest deeper than 32 levels",
    ),
];

#[tokio::test]
async fn a_bad_filter_is_refused_with_its_place() {
    let database = database(STORE).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    check(&local.client, REFUSED).await;
    let (many, deep) =
        (["title = \"a\""; 201].join(" OR "), format!("{0}title:*{1}", "(".repeat(33), ")".repeat(33)));
    check(&local.client, &[(&many, 3001, "has more than 200 comparisons")]).await;
    check(&local.client, &[(&deep, 1, "parentheses nest deeper than 32 levels")]).await;
    let long = format!("title = \"{}\"", "a".repeat(16 << 10));
    let failure = local.client.call("ListTracks", json!({ "filter": long })).await.expect_err("too long");
    assert_eq!(failure.message, "filter: has 16394 bytes; at most 16384 are allowed");
    assert_eq!((failure.reason.as_str(), failure.info.get("position")), ("FILTER_INVALID", None));
}

#[tokio::test]
async fn only_open_fields_are_filtered_by() {
    let database = database(STORE).await;
    let local = serve(CHINOOK_PLAIN_CONTRACT, &database.url, &[]).await;
    check(&local.client, CLOSED).await;
    let answer = local.client.call("ListTracks", json!({ "filter": "album.title = \"Live*\"" })).await;
    assert!(answer.expect("an open field").json()["tracks"].is_array());
}

/// All are tried before those that differ are told.
async fn check(client: &Client, refused: &[(&str, u32, &str)]) {
    let mut wrong = Vec::new();
    for &(filter, column, why) in refused {
        let failure = client.call("ListTracks", json!({ "filter": filter })).await.expect_err(filter);
        let told = format!("filter, column {column}: {why}");
        let position = failure.info.get("position").cloned();
        let said = (failure.code, failure.reason.as_str(), failure.message, position, failure.violations);
        let violation = ("filter".to_owned(), why.to_owned());
        let expected =
            (Code::InvalidArgument, "FILTER_INVALID", told, Some(column.to_string()), vec![violation]);
        if said != expected {
            wrong.push(format!("{filter}:\n  {said:?}\n  {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
