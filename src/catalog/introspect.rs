//! A database → a `Catalog`: the only part of it that touches the world.
