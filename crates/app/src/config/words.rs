//! The closed vocabularies of the configuration, each the same words as its noun in room `decide`, with a line for the
//! reference page.
//!
//! Never here: words that `decide` does not know.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares one vocabulary and its conversion, so that a word missing on either side does not compile.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $rename:literal, [$($(#[$vdoc:meta])* $word:ident),+ $(,)?], $noun:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
        #[serde(rename_all = $rename)]
        pub(crate) enum $name { $($(#[$vdoc])* $word),+ }

        impl From<$name> for $noun {
            fn from(word: $name) -> $noun {
                match word { $($name::$word => <$noun>::$word),+ }
            }
        }

        impl From<$noun> for $name {
            fn from(noun: $noun) -> $name {
                match noun { $(<$noun>::$word => $name::$word),+ }
            }
        }
    };
}

words!(
    /// Protocol of a place.
    Api, "lowercase",
    [
        /// OpenAI-compatible.
        Openai,
        /// Anthropic Messages.
        Anthropic,
        /// Ollama native.
        Ollama,
        /// The embedded engine.
        Engine,
    ],
    decide::Api
);

words!(
    /// What the last bytes of an answer wait for.
    Durability, "lowercase",
    [
        /// Until the record survives a crash of the process: microseconds.
        Standard,
        /// Until the record is on the disk and survives a loss of power: some milliseconds.
        Strict,
    ],
    decide::Durability
);

words!(
    /// What is refused while records do not reach the disk.
    WhenFailing, "kebab-case",
    [
        /// Everything.
        Refuse,
        /// What may cost money. The rest goes on while there is room for its records.
        FreeGoesOn,
    ],
    ::ledger::WhenFailing
);

words!(
    /// Strength of models and order of escalation.
    Tier, "lowercase",
    [
        /// Small model, embedded or on the same host.
        Edge,
        /// Larger open-weight model on own ground.
        Local,
        /// Frontier model at a vendor.
        Cloud,
    ],
    decide::Tier
);

words!(
    /// What one pays for.
    Kind, "lowercase",
    [
        /// Tokens.
        Serverless,
        /// GPU-hours on demand.
        Burst,
        /// Reserved GPU-months.
        Dedicated,
        /// Capital, power, upkeep.
        Appliance,
    ],
    decide::Kind
);

words!(
    /// How far away a place is, nearest first.
    Zone, "kebab-case",
    [
        /// Our own engine worker.
        Embedded,
        /// Another process on this host.
        SameHost,
        /// Another host on our own network.
        OwnNetwork,
        /// A rented machine that only we use.
        RentedDedicated,
        /// A vendor's shared service.
        VendorCloud,
    ],
    decide::Zone
);

words!(
    /// How sensitive content is, lowest first.
    Class, "lowercase",
    [
        /// May be published.
        Public,
        /// Ordinary company content.
        Internal,
        /// Personal data.
        Personal,
        /// Health, finance, special categories.
        Sensitive,
        /// Credentials and keys.
        Secret,
    ],
    decide::DataClass
);

/// Whether a place trains on content, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Training {
    /// By contract never.
    Never,
    /// Not, since its customer opted out.
    OptedOut,
}

/// Nobody can declare, or demand, that it is unknown.
impl From<Training> for decide::Training {
    fn from(word: Training) -> decide::Training {
        match word {
            Training::Never => decide::Training::Never,
            Training::OptedOut => decide::Training::OptedOut,
        }
    }
}

words!(
    /// What a choice optimises once the hard constraints hold.
    Objective, "kebab-case",
    [
        /// The nearest and cheapest place whose expected quality is sufficient.
        Sufficient,
        /// Least money, then quality.
        Cheap,
        /// Highest expected quality, then money.
        Best,
        /// As `sufficient`, on own ground only.
        Local,
        /// Least time to first token.
        Fast,
    ],
    decide::Objective
);

words!(
    /// What becomes of places whose price is not known. Unknown is never zero.
    Unpriced, "lowercase",
    [
        /// They may not answer.
        Deny,
        /// They may, and are charged at an estimate, flagged as one.
        Estimate,
        /// They may; their cost stays unknown.
        Allow,
    ],
    decide::Unpriced
);
