//! Model files: the local store, `pull` from Hugging Face or any address, and what other programs have on this disk already.
//!
//! [`Store`] is a folder with one GGUF file per model (or the parts of a split one) and a small JSON card beside it. [`Puller`] brings a file
//! there: it resumes, checks room and digest, and a half file is never taken for a whole one. [`survey`] lists every model on this
//! machine, [`find`] turns a name into a path.
//!
//! The environment is an argument ([`Folders::from_env`], [`Endpoint::from_env`]); sockets are opened by `backend`'s dialer only.
//!
//! Never here: loading a model, the terminal, writing outside the store.

mod address;
mod card;
mod catalog;
mod elsewhere;
mod endpoint;
mod fetch;
mod find;
mod folders;
mod listing;
mod name;
mod part;
mod problem;
mod pull;
mod resume;
mod space;
mod store;
mod transfer;
mod watch;

pub use card::{Card, Digest, FileCard};
pub use catalog::{CATALOG, Row, Task};
pub use elsewhere::{Held, Where, survey};
pub use endpoint::Endpoint;
pub use find::{find, find_held};
pub use folders::{Env, Folders};
pub use name::{Pick, Wanted};
pub use problem::Problem;
pub use pull::{Pulled, Puller};
pub use space::{Space, free_bytes, shown_bytes};
pub use store::{Store, Stored};
pub use watch::{Event, Limits, Watch};
