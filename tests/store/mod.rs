//! Contract of `Store`, tested on every implementation, and additional tests of the file.

mod context;
mod crowd;
mod files;
mod import;
mod lists;
mod long_reads;
mod purge;
mod queue;
mod scanned;
mod sessions;
mod space;
mod tasks;
mod users;
mod waiting;

use std::path::Path;
use std::sync::Arc;

use duly::store::redb::{Options, RedbStore};

/// Creates an empty store in a folder.
fn open(folder: &Path, options: &Options) -> Arc<RedbStore> {
    Arc::new(RedbStore::open(&folder.join("test.redb"), options).unwrap())
}

/// Checks the file that a case leaves behind.
fn sound(store: &RedbStore) {
    assert_eq!(store.verify().unwrap().findings, [""; 0]);
}

/// Runs the same tests on every store. Each case gets an empty one.
macro_rules! contract {
    ($($module:ident: $($case:ident),+;)+) => {
        mod memory {
            use std::sync::Arc;

            use crate::harness::memory::MemoryStore;

            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$module::$case(Arc::new(MemoryStore::default())).await;
                }
            )+)+
        }

        mod redb {
            use duly::store::redb::Options;

            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let data = tempfile::tempdir().unwrap();
                    let store = super::open(data.path(), &Options::default());
                    super::$module::$case(store.clone()).await;
                    super::sound(&store);
                }
            )+)+
        }

        /// Accounts with index entries from the first task on.
        mod indexed {
            use duly::store::redb::Options;

            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let indexed = Options { scan_at_most: 0, ..Options::default() };
                    let data = tempfile::tempdir().unwrap();
                    let store = super::open(data.path(), &indexed);
                    super::$module::$case(store.clone()).await;
                    super::sound(&store);
                }
            )+)+
        }
    };
}

contract! {
    users:
        an_email_is_taken_in_any_spelling,
        an_account_is_found_by_any_spelling_and_shown_as_typed,
        ids_are_counted_up_and_never_used_again,
        a_new_password_ends_every_session_of_that_account_alone,
        a_better_hash_replaces_only_the_one_it_was_made_for,
        accounts_are_listed_by_id_page_by_page,
        deleting_an_account_takes_all_it_has_and_nothing_else,
        a_deleted_account_can_do_nothing;
    sessions:
        a_session_is_found_with_its_owner_and_by_nobody_else,
        a_session_needs_an_account,
        expired_sessions_are_found_until_another_is_made,
        of_sessions_that_nobody_uses_the_oldest_gives_way_to_one_too_many,
        the_session_used_the_longest_time_ago_gives_way,
        a_session_in_use_outlives_those_that_nobody_uses,
        a_session_that_comes_back_outlives_those_of_one_run,
        ten_that_log_in_at_once_do_not_end_one_another,
        expired_sessions_go_before_old_ones,
        a_session_made_twice_is_one;
    tasks:
        a_task_is_read_back_as_it_was_written,
        tasks_of_others_look_like_missing_ones,
        a_patch_changes_what_it_names_and_nothing_else,
        a_patch_that_changes_nothing_leaves_no_trace,
        a_change_is_never_dated_back,
        deleting_twice_finds_nothing_the_second_time,
        counts_follow_every_change;
    lists:
        lists_run_from_newest_to_oldest,
        lists_keep_their_order_when_the_clock_steps_back,
        tasks_made_side_by_side_are_listed_by_id,
        pages_beyond_the_end_are_empty_but_know_the_total,
        pages_one_after_the_other_make_the_whole_list,
        far_pages_are_as_good_as_near_ones;
    crowd:
        two_hundred_writes_at_once_all_land,
        one_of_many_registrations_at_once_wins,
        patches_at_once_are_each_applied_whole,
        one_of_many_deletions_at_once_finds_the_task;
    context:
        a_write_takes_a_credential_that_is_live_when_it_is_decided,
        a_write_takes_an_account_that_may_still_do_it,
        a_key_is_used_once_a_day_by_each_account;
}
