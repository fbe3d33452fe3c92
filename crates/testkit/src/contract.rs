//! The contract suite of backends: one list of cases, run for every profile against a [`Fake`](crate::Fake) that talks
//! like the real one. A backend is done when its suite passes.
//!
//! `testkit::backend_contract!(vllm => "vllm")` makes a module of tests, one per case.
//!
//! Never here: cases of one engine only, traffic to anything but loopback.

mod answers;
mod encode;
mod faults;
mod health;
mod odd;
mod rig;
mod safety;
mod times;

pub use answers::{
    answered_in_one_piece, connections_are_kept, cut_at_every_byte, plain, plain_without_usage, stream,
    stream_without_usage, tools, tools_streamed,
};
pub use encode::{scores_are_given_back, vectors_are_given_back, wrong_vectors_are_no_answer};
pub use faults::{
    error_after_text, error_before_text, error_with_status_200, garbage_as_answer, garbage_as_stream, not_http,
    redirect, reset_before_the_head, reset_in_the_stream, statuses, too_large, too_long_a_prompt, truncated_plain,
    truncated_stream, unasked_compression, unreachable, web_page,
};
pub use health::{probes_find_health_models_and_load, probes_of_a_place_in_trouble};
pub use odd::{content_behind_the_end, heads_without_measure, interim_answers, second_answer_on_a_connection};
pub use safety::{
    the_key_goes_to_its_origin_only, the_request_is_in_the_shape_of_the_profile, wrong_permits_send_nothing,
};
pub use times::{
    leaving_before_the_head_closes_the_connection, leaving_the_stream_closes_the_connection, slow_first_chunk,
    slow_plain_answer, stall_in_a_plain_answer, stall_in_the_stream, total_of_a_dripping_stream,
};

/// Makes a module of tests for each profile: `backend_contract!(openai => "openai", vllm => "vllm")`.
#[macro_export]
macro_rules! backend_contract {
    ($($module:ident => $profile:literal),+ $(,)?) => {
        $($crate::backend_contract!(@cases $module $profile
            plain plain_without_usage stream stream_without_usage tools tools_streamed cut_at_every_byte
            answered_in_one_piece connections_are_kept
            vectors_are_given_back wrong_vectors_are_no_answer scores_are_given_back
            statuses too_long_a_prompt error_before_text error_after_text error_with_status_200
            truncated_plain truncated_stream reset_before_the_head reset_in_the_stream
            not_http garbage_as_answer garbage_as_stream web_page redirect unasked_compression too_large unreachable
            heads_without_measure interim_answers content_behind_the_end second_answer_on_a_connection
            slow_first_chunk slow_plain_answer stall_in_a_plain_answer stall_in_the_stream total_of_a_dripping_stream
            leaving_the_stream_closes_the_connection leaving_before_the_head_closes_the_connection
            wrong_permits_send_nothing the_key_goes_to_its_origin_only the_request_is_in_the_shape_of_the_profile
            probes_find_health_models_and_load probes_of_a_place_in_trouble
        );)+
    };
    (@cases $module:ident $profile:literal $($case:ident)+) => {
        mod $module {
            $(#[tokio::test]
            async fn $case() {
                $crate::contract::$case($crate::Voice::of($profile)).await;
            })+
        }
    };
}
