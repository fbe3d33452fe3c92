//! Where the reader of a call stands.
//!
//! Never here: reading.

/// What is to be read next.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum At {
    Open,
    Key,
    Value(Member),
    Name,
    Arguments,
    Body { inner: bool },
    Function,
    Parameter,
    Python,
    Next,
}

/// What a member of a call's object is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Member {
    Name,
    Arguments,
    Other,
}
