//! x
use crate::*;
/// x
pub fn choose(need: &Need, fleet: &Fleet, policy: &Policy) -> Result<Verdict, Fault> {
    let _ = (fleet, policy, need);
    Err(Fault::new(Cause::Internal, ""))
}
