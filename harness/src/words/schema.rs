//! A JSON Schema from a local file, compiled once per distinct file. What it refers to is local too.

use std::{fmt, sync::Arc};

/// A compiled schema. Cheap to clone.
#[derive(Clone)]
pub struct Schema {
    name: Arc<str>,
    #[cfg(feature = "schema")]
    validator: Arc<jsonschema::Validator>,
}

/// One way in which a value does not follow a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Where in the value: `/items/0/id`; empty for the whole.
    pub(super) path: String,
    /// The keyword of the schema: `required`.
    pub(super) keyword: String,
    /// What is wrong, in a sentence.
    pub(super) what: String,
}

impl Schema {
    /// The file, as the suite names it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Without the feature no schema can be made, so there is never one that could be broken.
#[cfg(not(feature = "schema"))]
mod compiled {
    use super::{Broken, Schema};
    use crate::{
        reader::{Complaint, Node},
        words::{files, json::Json},
    };

    impl Schema {
        pub(in crate::words) fn of(node: &Node) -> Result<Self, Complaint> {
            files::named(node)?;
            Err(Complaint::new("this build has no JSON Schema").help("build it with the feature `schema`").at(node))
        }

        pub(in crate::words) fn broken_by(&self, _: &Json) -> Vec<Broken> {
            Vec::new()
        }
    }
}

#[cfg(feature = "schema")]
mod compiled {
    use super::{Broken, Schema};
    use crate::{
        reader::{Complaint, Node},
        words::{
            files,
            json::{Document, Json},
        },
    };
    use jsonschema::{Retrieve, Uri, Validator};
    use sha2::{Digest as _, Sha256};
    use std::{cell::RefCell, collections::HashMap, error::Error, sync::Arc};

    /// Most ways that one value tells.
    const MOST_BROKEN: usize = 5;
    /// What relative references are resolved against; only what lies below it is looked for.
    const BASE: &str = "file:///suite/";

    type Key = (String, [u8; 32]);
    thread_local! {
        static KEPT: RefCell<HashMap<Key, Arc<Validator>>> = RefCell::default();
    }

    impl Schema {
        /// Reads and compiles the schema that a node names.
        pub(in crate::words) fn of(node: &Node) -> Result<Self, Complaint> {
            let name = files::named(node)?;
            let told = |why: String| Complaint::new(format!("schema `{name}`: {why}")).at(node);
            let bytes = files::schema(name).map_err(told)?;
            let key = (name.to_owned(), Sha256::digest(&bytes).into());
            if let Some(validator) = KEPT.with_borrow(|kept| kept.get(&key).cloned()) {
                return Ok(Self { name: name.into(), validator });
            }
            let document = read(&bytes).map_err(told)?;
            let validator = jsonschema::options()
                .with_base_uri(format!("{BASE}{name}"))
                .with_retriever(Local)
                .build(&document)
                .map_err(|e| told(format!("it is no JSON Schema: {e}")))?;
            let validator = Arc::new(validator);
            KEPT.with_borrow_mut(|kept| kept.insert(key, Arc::clone(&validator)));
            Ok(Self { name: name.into(), validator })
        }

        /// The ways in which a value does not follow it; none: it does.
        pub(in crate::words) fn broken_by(&self, value: &Json) -> Vec<Broken> {
            let value = value.to_serde();
            self.validator
                .iter_errors(&value)
                .take(MOST_BROKEN)
                .map(|e| Broken {
                    path: e.instance_path().to_string(),
                    keyword: e.kind().keyword().to_owned(),
                    what: e.to_string().chars().take(300).collect(),
                })
                .collect()
        }
    }

    /// Finds what a schema refers to, through the same door as the schema itself.
    struct Local;

    impl Retrieve for Local {
        fn retrieve(&self, uri: &Uri<String>) -> Result<serde_json::Value, Box<dyn Error + Send + Sync>> {
            let Some(name) = uri.as_str().strip_prefix(BASE) else {
                return Err(format!("`{}` is not a local file; schemas come from the suite's folder only", uri.as_str()).into());
            };
            let bytes = files::schema(name)?;
            Ok(read(&bytes)?)
        }
    }

    fn read(bytes: &[u8]) -> Result<serde_json::Value, String> {
        match Document::read(bytes) {
            Ok(document) if document.duplicates.is_empty() => Ok(document.root.to_serde()),
            Ok(_) => Err("it has a key twice in one object".to_owned()),
            Err(e) => Err(format!("it {e}")),
        }
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.name)
    }
}
