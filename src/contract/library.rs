//! The name of a `.proto` file → the file, from the user's folders and descriptor sets, else from the server's own.
//!
//! The user's files come first, as with `protoc`, but for `google/protobuf/*` and `rowcall/v1/*`: the server is compiled with
//! what those say, so another version of them would not mean what it says.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use bytes::Bytes;
use protox::file::{File, FileResolver, GoogleFileResolver};

use super::import;

/// Clones share what was opened.
#[derive(Clone)]
pub struct Library {
    roots: Rc<Vec<PathBuf>>,
    sets: Rc<BTreeMap<String, Bytes>>,
    texts: Rc<RefCell<BTreeMap<String, String>>>,
}

impl Library {
    pub fn new(roots: Vec<PathBuf>, sets: BTreeMap<String, Bytes>) -> Library {
        Library { roots: Rc::new(roots), sets: Rc::new(sets), texts: Rc::default() }
    }

    /// The text of a file that was opened, if it was text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.texts.borrow().get(name).cloned()
    }

    /// The folder above those given from which the import would be found.
    pub fn folder_above(&self, name: &str) -> Option<PathBuf> {
        let roots = self.roots.iter().filter_map(|root| root.canonicalize().ok());
        let mut above =
            roots.flat_map(|root| root.ancestors().skip(1).map(PathBuf::from).collect::<Vec<_>>());
        above.find(|folder| folder.join(name).is_file())
    }

    fn parse(&self, name: &str, text: &str) -> Result<File, protox::Error> {
        self.texts.borrow_mut().insert(name.to_owned(), text.to_owned());
        File::from_source(name, text)
    }

    fn open_user_file(&self, name: &str) -> Result<Option<File>, protox::Error> {
        if let Some(bytes) = self.sets.get(name) {
            return File::decode_file_descriptor_proto(bytes.clone()).map(Some).map_err(protox::Error::new);
        }
        if name.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Ok(None);
        }
        let Some(path) = self.roots.iter().map(|root| root.join(name)).find(|path| path.is_file()) else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path)?;
        self.parse(name, &text).map(Some)
    }
}

impl FileResolver for Library {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if !import::is_fixed(name)
            && let Some(file) = self.open_user_file(name)?
        {
            return Ok(file);
        }
        match import::text(name) {
            Some(text) => self.parse(name, text),
            None => GoogleFileResolver::new().open_file(name),
        }
    }
}
