//! What a filter comes down to: tests of columns, joined by AND, OR, NOT and EXISTS.

use crate::sql::{Identifier, Param};

/// A condition on the rows of a resource, three-valued as SQL is.
#[derive(Debug, Clone)]
pub enum Predicate {
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    /// True where the inner one is false or NULL: "x is not true".
    Not(Box<Predicate>),
    /// Some row that a to-many relation leads to, from the end of a path of to-one relations;
    /// one for which the inner predicate holds, where there is one.
    Exists {
        path: Vec<usize>,
        relation: usize,
        holds: Option<Box<Predicate>>,
    },
    Test {
        value: Value,
        test: Test,
    },
}

/// What is looked at: a column by way of to-one relations, or something in it.
#[derive(Debug, Clone)]
pub struct Value {
    /// Positions in `relations`, each of the resource the last one leads to.
    pub path: Vec<usize>,
    /// Position in the `columns` of the resource the path ends at.
    pub column: usize,
    pub inside: Inside,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inside {
    Whole,
    /// The whole, as Postgres writes it: for types that have no `=`.
    Text,
    /// An attribute of a composite, and of composites in it.
    Attributes(Vec<Identifier>),
    /// json or jsonb at these keys, a text[]; None is the whole document.
    Json(Option<Param>),
    /// The value of an hstore's key.
    Entry(Param),
}

#[derive(Debug, Clone)]
pub enum Test {
    Compare(Operator, Operand),
    /// Equals an element of an array parameter.
    In(Operand),
    /// As LIKE matches; a pattern with its escapes.
    Like(Param),
    /// Is not NULL.
    Present,
    /// An array that is not empty.
    Filled,
    /// An array has this element, which has exactly the array's type: a GIN index can tell.
    Element(Operand),
    /// An array has this element.
    Among(Operand),
    /// An array has an element that LIKE matches.
    ElementLike(Param),
    /// A range or a multirange covers this value.
    Covers(Operand),
    /// An hstore has this key.
    Key(Param),
    Json(JsonTest),
}

/// A test that a JSON value of another type, or none at all, does not pass.
#[derive(Debug, Clone)]
pub enum JsonTest {
    /// Of a JSON number with a numeric.
    Number(Operator, Param),
    /// Of a JSON string with a text.
    String(Operator, Param),
    StringLike(Param),
    /// With a JSON document: equal to it.
    Equals(Param),
    /// An array that has this JSON value, or the value itself.
    Holds(Param),
    /// An array that has this text, a string that LIKE matches, an object that has this key.
    HoldsText {
        text: Param,
        pattern: Param,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    /// IS DISTINCT FROM: true of an absent value.
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A parameter and what it is cast to, quoted, when that is another type than its own.
#[derive(Debug, Clone)]
pub struct Operand {
    pub param: Param,
    pub cast: Option<String>,
}
