//! An AIP-160 filter over field names → a predicate over columns, its values as parameters.

/// A condition on the rows of a resource.
#[derive(Debug, Clone)]
pub enum Predicate {}
