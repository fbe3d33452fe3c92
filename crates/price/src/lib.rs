//! The price book: what models cost, since when and by whose word; built in, searched without a network; and usage as
//! each provider's answers tell it, priced exactly.
//!
//! Never here: sockets, clocks (the time is an argument), budgets, or what was spent.
