//! What a trigger writes is what a call makes from its binary parameter.

use bytes::Bytes;
use rowcall::catalog;
use rowcall::feed::{Form, key_bytes, key_sql};
use rowcall::plan::value::ValueType;
use rowcall::sql::Identifier;

use crate::support::session::{postgres, want};
use crate::support::{EMPTY, database};

/// Column type, and values of it as text.
const VALUES: &[(&str, &[&str])] = &[
    ("bool", &["true", "false"]),
    ("int2", &["0", "-1", "32767"]),
    ("int4", &["0", "-2147483648", "42"]),
    ("int8", &["0", "-9223372036854775808", "9007199254740993"]),
    ("oid", &["0", "4294967295"]),
    ("uuid", &["00000000-0000-0000-0000-000000000000", "f47ac10b-58cc-4372-a567-0e02b2c3d479"]),
    ("date", &["2024-02-29", "0001-01-01", "infinity"]),
    ("time", &["00:00:00", "23:59:59.999999"]),
    ("timestamp", &["2024-02-29 12:34:56.789", "-infinity"]),
    ("timestamptz", &["2024-02-29T12:34:56.789Z", "infinity"]),
    ("text", &["", "a", "Ünïcødé ✓", "it's \"quoted\" \\ back"]),
    ("varchar(100)", &["", "Groß"]),
    ("text", &["0123456789012345678901234567890123456789012345678901234567890123"]),
    (
        "text",
        &[
            "01234567890123456789012345678901234567890123456789012345678901234",
            "ü123456789012345678901234567890123456789012345678901234567890123",
        ],
    ),
    ("mood", &["glad", "so so", "Ünïcode"]),
    ("small", &["7"]),
    (
        "bytea",
        &[
            "\\x",
            "\\x00ff",
            "\\x000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f10",
        ],
    ),
];

const NONE: &[&str] =
    &["numeric", "float8", "char(5)", "jsonb", "interval", "int4[]", "text COLLATE blind", "inet"];

#[tokio::test]
async fn triggers_and_calls_speak_of_a_value_in_the_same_bytes() {
    let database = database(EMPTY).await;
    database
        .execute(
            "CREATE TYPE mood AS ENUM ('glad', 'so so', 'Ünïcode'); CREATE DOMAIN small AS int4 CHECK (VALUE < 100);
             CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
        )
        .await;
    let columns: Vec<String> = VALUES
        .iter()
        .map(|(of, _)| *of)
        .chain(NONE.iter().copied())
        .enumerate()
        .map(|(at, of)| format!("c{at} {of}"))
        .collect();
    database.execute(&format!("CREATE TABLE t ({})", columns.join(", "))).await;
    let postgres = postgres(&database.url, |_| {});
    let mut session = postgres.session(want(rowcall::postgres::Mode::Single)).await.expect("a session");
    let catalog = catalog::introspect::introspect(&mut session, &[]).await.expect("a catalog");
    let table = catalog.table(None, "t").expect("it was made");
    let client = database.client().await;
    for (column, (of, values)) in table.columns.iter().zip(VALUES) {
        let form = Form::of(&catalog, column).unwrap_or_else(|| panic!("{of} has a form"));
        let value_type = ValueType::of(&catalog, column.type_oid);
        for text in *values {
            let parameter = value_type.parse(text).unwrap_or_else(|error| panic!("{of} {text}: {error}"));
            let name = Identifier::new("v");
            for columns in [1, 2] {
                let sql = key_sql(vec![(form, &name); columns].into_iter());
                let row = client
                    .query_one(&format!("SELECT {sql} FROM (SELECT $1::text::{of} AS v) s"), &[text])
                    .await
                    .unwrap_or_else(|error| panic!("{of} {text}: {error}"));
                let told: Vec<u8> = row.get(0);
                let made = key_bytes(vec![(form, Some(&parameter[..])); columns].into_iter());
                assert_eq!(told, made, "{of} {text:?} in {columns}");
                assert!(made.len() <= columns * 68);
            }
        }
    }
    for (column, of) in table.columns.iter().skip(VALUES.len()).zip(NONE) {
        assert_eq!(Form::of(&catalog, column), None, "{of}");
    }
    let null =
        key_bytes(vec![(Form::Int4, None), (Form::Int4, Some(&Bytes::from_static(&[0; 4])[..]))].into_iter());
    let (a, b) = (Identifier::new("a"), Identifier::new("b"));
    let sql = key_sql(vec![(Form::Int4, &a), (Form::Int4, &b)].into_iter());
    let row = client.query_one(&format!("SELECT {sql} FROM (SELECT NULL::int4 AS a, 0 AS b) s"), &[]).await;
    assert_eq!(row.expect("bytes").get::<_, Vec<u8>>(0), null);
}
