//! Texts with `:arguments` → with numbers.

use proptest::prelude::*;

use super::*;

fn check(file: &str, text: &str, names: &[&str]) {
    let numbered = number(file).expect("a statement");
    assert_eq!((numbered.text.as_str(), numbered.names), (text, names.iter().map(|n| (*n).into()).collect()));
}

fn fails(file: &str, message: &str) {
    assert_eq!(number(file).expect_err("no statement").to_string(), message);
}

#[test]
fn arguments_are_numbered_by_first_use() {
    check("SELECT :b, :a, :b", "SELECT $1, $2, $1", &["b", "a"]);
    check("SELECT :a::int + :größe", "SELECT $1::int + $2", &["a", "größe"]);
}

#[test]
fn casts_slices_and_named_notation_stay() {
    check("SELECT x::int, f(a := 1, b => :b)", "SELECT x::int, f(a := 1, b => $1)", &["b"]);
    check("SELECT a[1:2], a[lo:hi], a[f(1):hi]", "SELECT a[1:2], a[lo:hi], a[f(1):hi]", &[]);
    check(
        "SELECT ARRAY[:a, :b], a[:a : :b], a[f(:a)]",
        "SELECT ARRAY[$1, $2], a[$1 : $2], a[f($1)]",
        &["a", "b"],
    );
}

#[test]
fn strings_names_and_comments_stay() {
    for kept in [
        "':a'",
        "'it''s :a'",
        "\":a\"",
        "\"x\"\":a\"",
        "E'\\':a'",
        "e'a'\n  '\\':a'",
        "$$ :a $$",
        "$t$ :a $$ :b $t$",
        "U&':a'",
        "1 -- :a\n",
        "1 /* :a /* :b */ :c */",
        "a$b$",
        "a$b$ + $$:a$$",
    ] {
        check(&format!("SELECT {kept}, :z"), &format!("SELECT {kept}, $1"), &["z"]);
    }
}

#[test]
fn the_last_semicolon_goes_and_lines_stay() {
    check("-- hello\n;SELECT 1\n;\n-- end", "-- hello\n SELECT 1\n \n-- end", &[]);
}

#[test]
fn one_statement_that_reads() {
    fails("  -- nothing\n", "there is no statement in this file: write one SELECT");
    fails("SELECT 1;\nSELECT 2", "line 2: a second statement begins here: keep one per file");
    for (file, line, word) in [
        ("DELETE FROM t", 1, "DELETE"),
        ("\nSET x = 1", 2, "SET"),
        ("WITH x AS (\nINSERT INTO t VALUES (1) RETURNING *) SELECT * FROM x", 2, "INSERT"),
        ("WITH x AS MATERIALIZED (UPDATE t SET a = 1 RETURNING *) TABLE x", 1, "UPDATE"),
        ("WITH x AS (SELECT 1)\ndelete from t", 2, "DELETE"),
        ("WITH x AS (SELECT 1) MERGE INTO t USING x ON true WHEN MATCHED THEN DO NOTHING", 1, "MERGE"),
    ] {
        let says = "writes: a query may only read, so begin with SELECT, WITH, VALUES or TABLE";
        fails(file, &format!("line {line}: {word} {says}"));
    }
}

#[test]
fn reading_is_not_mistaken_for_writing() {
    for file in [
        "(SELECT 1) UNION (SELECT 2)",
        "((VALUES (1)))",
        "TABLE t",
        "SELECT (delete), (update), count(insert) FROM t",
        "SELECT replace(a, 'insert into', 'delete from'), (update + 1) FROM t",
    ] {
        check(file, file, &[]);
    }
}

#[test]
fn mistakes_name_their_line() {
    fails("SELECT 1,\n$2", "line 2: $2 is a parameter by number: name it, as in :limit");
    fails(
        "SELECT\n:'a'",
        "line 2: an argument is written without quotes, as in :limit: its value travels apart",
    );
    fails("SELECT\n\n'a", "line 3: a string is never closed");
    fails("SELECT /* /* */", "line 1: a comment is never closed");
    fails("SELECT $a$ $b$", "line 1: a dollar-quoted string is never closed");
}

proptest! {
    #[test]
    fn any_text_is_answered(file in "\\PC*") {
        let _ = number(&file);
    }

    #[test]
    fn any_lexical_mess_is_answered(parts in prop::collection::vec(
        prop::sample::select(vec!["'", "\"", "$", "$$", "$a$", ":", "::", ":a", "[", "]", "(", ")", "E'", "\\", "--",
            "/*", "*/", "\n", " ", "a", "é", "1", ";", "select", "update"]), 0..40)) {
        let _ = number(&format!("select {}", parts.concat()));
    }

    #[test]
    fn what_is_quoted_never_changes(inner in "[^'\\x00]*") {
        let file = format!("SELECT '{inner}', :a");
        prop_assert_eq!(number(&file).map(|n| n.text), Ok(format!("SELECT '{inner}', $1")));
    }

    #[test]
    fn text_without_a_colon_stays_but_for_the_semicolon(text in "[a-z0-9 ,.+*\n]*") {
        let file = format!("SELECT {text}");
        prop_assert_eq!(number(&file), Ok(Numbered { text: file.clone(), names: Vec::new() }));
    }
}
