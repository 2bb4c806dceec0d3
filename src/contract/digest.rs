//! A contract → a name for its content.

use sha2::{Digest, Sha256};

use super::{Contract, Shape};

/// SHA-256 in hex over every file of the contract, its imports and comments included, and the text of its queries. The same
/// files give the same digest in every process, wherever they were loaded from.
pub fn digest(contract: &Contract) -> String {
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    for file in contract.pool.files() {
        parts.push((file.name().to_owned(), file.encode_to_vec()));
    }
    for method in contract.services.iter().flat_map(|service| &service.methods) {
        if let Ok(Shape::Query { text, .. }) = &method.shape {
            parts.push((method.descriptor.full_name().to_owned(), text.clone().into_bytes()));
        }
    }
    parts.sort();
    let mut hash = Sha256::new();
    for (name, content) in &parts {
        // Lengths keep a byte that moves from one part to the next from going unseen.
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
        hash.update((content.len() as u64).to_be_bytes());
        hash.update(content);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
