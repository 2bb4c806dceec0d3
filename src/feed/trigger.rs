//! What is to be told of a table's rows → its trigger function and its triggers.
//!
//! One function for each table, partition and child, so that a session plans its few expressions once. It never fails a
//! writer: what it cannot tell by rows (a column was renamed or has another type by now) it tells as any rows. The attempt
//! is a subtransaction that writes nothing, and so takes no id of its own. Every name says its schema, for the function runs
//! with its owner's rights under the writer's `search_path`: to set one for each call costs half as much as all the rest.

use std::fmt::Write as _;

use super::canonical::key_sql;
use super::recorded::{Recorded, Told};
use crate::catalog::Oid;
use crate::sql::Identifier;

/// A statement that changes more rows tells none of them.
const ROWS_MAX: usize = 100;

/// By which `pg_trigger` names them, and what they fire after.
pub const TRIGGERS: [(&str, &str); 4] = [
    ("rowcall_insert", "INSERT"),
    ("rowcall_update", "UPDATE"),
    ("rowcall_delete", "DELETE"),
    ("rowcall_truncate", "TRUNCATE"),
];

/// The function that tells of a relation's changes, without its schema.
pub fn function(relation: Oid) -> String {
    format!("changed_{relation}")
}

/// The body of that function, as `pg_proc.prosrc` has it.
pub fn body(told: &Recorded) -> String {
    let columns = 1 + told.parts.len();
    let root = told.table;
    let mut body = String::from("\n#variable_conflict use_column\nDECLARE\n    told bytea[];\nBEGIN\n");
    if told.key.is_empty() {
        // Nothing to say but whether there were any.
        body.push_str("    IF TG_OP OPERATOR(pg_catalog.<>) 'TRUNCATE' THEN\n");
        for (word, event, rows) in
            [("IF", "UPDATE", "new_rows"), ("ELSIF", "INSERT", "new_rows"), ("ELSE", "", "old_rows")]
        {
            let when = if event.is_empty() { String::new() } else { format!(" {} THEN", is(event)) };
            let _ = writeln!(
                body,
                "        {word}{when}\n            told := ARRAY(SELECT ''::pg_catalog.bytea FROM {rows} LIMIT 1);"
            );
        }
        let _ = writeln!(
            body,
            "        END IF;\n        IF {NOTHING} THEN\n            RETURN NULL;\n        END IF;\n    END IF;"
        );
        let _ = write!(
            body,
            "    INSERT INTO rowcall.change (xid, relation, keys) VALUES (pg_catalog.pg_current_xact_id(), {root}, NULL);\n    RETURN NULL;\nEND\n"
        );
        return body;
    }
    body.push_str("    BEGIN\n");
    for (word, event, rows) in [
        ("IF", "UPDATE", &["old_rows", "new_rows"][..]),
        ("ELSIF", "INSERT", &["new_rows"]),
        ("ELSIF", "DELETE", &["old_rows"]),
    ] {
        let most = ROWS_MAX * columns * rows.len();
        let _ = writeln!(body, "        {word} {} THEN\n            told := ARRAY(", is(event));
        let selects: Vec<String> = rows.iter().flat_map(|rows| selects(told, rows)).collect();
        let _ = writeln!(body, "                {}", selects.join("\n                UNION ALL "));
        let _ = writeln!(body, "                LIMIT {});", most + 1);
        let _ = writeln!(
            body,
            "            IF pg_catalog.cardinality(told) OPERATOR(pg_catalog.>) {most} THEN\n                told := NULL;\n            END IF;"
        );
    }
    body.push_str("        END IF;\n    EXCEPTION WHEN OTHERS THEN\n        told := NULL;\n    END;\n");
    let _ = writeln!(body, "    IF {NOTHING} THEN\n        RETURN NULL;\n    END IF;");
    let _ = write!(
        body,
        "    INSERT INTO rowcall.change (xid, relation, keys) VALUES (pg_catalog.pg_current_xact_id(), {root}, told);\n    RETURN NULL;\nEND\n"
    );
    body
}

/// The statement changed no row.
const NOTHING: &str = "told OPERATOR(pg_catalog.=) '{}'::pg_catalog.bytea[]";

fn is(event: &str) -> String {
    format!("TG_OP OPERATOR(pg_catalog.=) '{event}'")
}

/// Each element begins with the column it is of; 0 is the key.
fn selects(told: &Recorded, rows: &str) -> Vec<String> {
    let key = key_sql(told.key.iter().map(|told| (told.form, &told.name)));
    let element = |attnum: i16, bytes: &str| {
        format!(
            "SELECT '\\x{attnum:04x}'::pg_catalog.bytea OPERATOR(pg_catalog.||) coalesce({bytes}, '') FROM {rows}"
        )
    };
    let parts = told.parts.iter().map(|part| element(part.attnum, &part.form.sql(&part.name)));
    std::iter::once(element(0, &key)).chain(parts).collect()
}

/// What `rowcall.followed` says of a column.
pub fn word(told: &Told) -> String {
    format!("{} {:?} {}", told.attnum, told.form, told.name.as_str())
}

/// A table, a partition or a child, and which of its triggers are as they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub oid: Oid,
    pub schema: Identifier,
    pub name: Identifier,
    /// Of `TRIGGERS`: there, in whatever state.
    pub present: Vec<String>,
    /// Of these, what fires always and calls the right function.
    pub sound: Vec<String>,
    /// The body of the function there is.
    pub body: Option<String>,
    pub told: Option<(Vec<String>, Vec<String>)>,
}

impl Relation {
    /// The statements of one transaction that makes its triggers tell `recorded`; none when they do.
    pub fn follow(&self, recorded: &Recorded) -> Vec<String> {
        let (table, function) = (format!("{}.{}", self.schema, self.name), function(self.oid));
        let (body, told) = (body(recorded), words(recorded));
        let unsound = TRIGGERS.iter().filter(|(name, _)| !self.sound.iter().any(|sound| sound == name));
        let unsound: Vec<_> = unsound.collect();
        if unsound.is_empty() && self.body.as_ref() == Some(&body) && self.told.as_ref() == Some(&told) {
            return Vec::new();
        }
        let mut statements = vec![
            // Writers that began before have ended, so that none tells by the old rule what is read by the new one.
            format!("LOCK TABLE ONLY {table} IN SHARE ROW EXCLUSIVE MODE"),
            format!(
                "CREATE OR REPLACE FUNCTION rowcall.{function}() RETURNS trigger\nLANGUAGE plpgsql SECURITY DEFINER AS $rowcall${body}$rowcall$"
            ),
            format!("REVOKE ALL ON FUNCTION rowcall.{function}() FROM PUBLIC"),
        ];
        for (name, event) in unsound {
            if self.present.iter().any(|present| present == name) {
                statements.push(format!("DROP TRIGGER {name} ON {table}"));
            }
            let rows = match *event {
                "INSERT" => " REFERENCING NEW TABLE AS new_rows",
                "UPDATE" => " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
                "DELETE" => " REFERENCING OLD TABLE AS old_rows",
                _ => "",
            };
            statements.push(format!(
                "CREATE TRIGGER {name} AFTER {event} ON {table}{rows}\nFOR EACH STATEMENT EXECUTE FUNCTION rowcall.{function}()"
            ));
            statements.push(format!("ALTER TABLE ONLY {table} ENABLE ALWAYS TRIGGER {name}"));
        }
        statements.push(format!(
            "INSERT INTO rowcall.followed (relation, root, key, parts) VALUES ({}, {}, {}, {})\nON CONFLICT (relation) DO UPDATE SET root = excluded.root, key = excluded.key, parts = excluded.parts",
            self.oid,
            recorded.table,
            array(&told.0),
            array(&told.1)
        ));
        statements
    }

    /// The statements of one transaction that takes them away.
    pub fn leave(&self) -> Vec<String> {
        let table = format!("{}.{}", self.schema, self.name);
        let triggers =
            self.present.iter().map(|name| format!("DROP TRIGGER {} ON {table}", Identifier::new(name)));
        let rest = [
            format!("DROP FUNCTION IF EXISTS rowcall.{}()", function(self.oid)),
            format!("DELETE FROM rowcall.followed WHERE relation = {}", self.oid),
        ];
        triggers.chain(rest).collect()
    }
}

/// What `rowcall.followed` has to say: the key and the parts.
pub fn words(recorded: &Recorded) -> (Vec<String>, Vec<String>) {
    (recorded.key.iter().map(word).collect(), recorded.parts.iter().map(word).collect())
}

/// A column's name may be anything, so its quotes are doubled; a backslash is just one.
fn array(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "''"))).collect();
    format!("ARRAY[{}]::text[]", words.join(", "))
}
