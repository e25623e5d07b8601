//! The reference page of all parameters.

use super::Config;
use crate::options::{Change, Options};
use std::fmt::Write;

/// One Markdown table for each group.
pub(super) fn page() -> String {
    let mut out = String::from(
        "# Parameters\n\nEvery parameter of the nodes and of `halfslam replay`, made by `halfslam parameters --format \
         markdown` from the table in the code. A *live* parameter may change while a node runs, a *startup* one takes \
         effect at the next start.\n",
    );
    let mut open = None;
    for row in Config::table() {
        let group = row.name.rsplit_once('.').map_or("", |(group, _)| group).to_owned();
        if open.as_ref() != Some(&group) {
            let title = if group.is_empty() { "(top)".into() } else { format!("`{group}`") };
            let _ = write!(
                out,
                "\n## {title}\n\n| parameter | default | allowed | unit | change | meaning |\n|---|---|---|---|---|---|\n"
            );
        }
        let change = match row.change {
            Change::Live => "live",
            Change::Startup => "startup",
        };
        let allowed = row.allowed.to_string().replace('|', "\\|");
        let _ = writeln!(
            out,
            "| `{}` | `{}` | {allowed} | {} | {change} | {} |",
            row.name, row.default, row.unit, row.text
        );
        open = Some(group);
    }
    out
}
