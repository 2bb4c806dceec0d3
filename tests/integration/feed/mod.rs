//! What the database tells of changes, and what becomes of it: all of it, under the right tags, whatever happens.

mod canonical;
mod changes;
mod following;
mod installed;
mod lives;
mod order;
mod served;
mod shop;
