//! Choice of corners that cover the image evenly.

/// A corner, as far as the choice needs it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Corner {
    /// Column (px of the full image).
    pub x: f32,
    /// Row (px of the full image).
    pub y: f32,
    /// Strength; more is better.
    pub response: f32,
    /// Level of the image pyramid.
    pub octave: i32,
}

/// Two corners this near (px), on the same or neighbouring levels, are one corner seen twice.
const SAME_CORNER_PX: f32 = 3.0;

/// Indices of at most `count` corners that cover the image evenly, ascending.
///
/// The image is cut into about `count` square cells; each cell gives its best corner, then its second best and so on
/// until there are enough. A corner that repeats a stronger one on a neighbouring level is left out.
pub(crate) fn spread_evenly(corners: &[Corner], width: u32, height: u32, count: usize) -> Vec<usize> {
    if corners.is_empty() || count == 0 {
        return Vec::new();
    }
    let side = (f64::from(width) * f64::from(height) / count as f64).sqrt().max(8.0) as f32;
    let columns = (width as f32 / side).ceil().max(1.0) as usize;
    let rows = (height as f32 / side).ceil().max(1.0) as usize;
    let cell_of = |corner: &Corner| {
        let column = (corner.x / side).clamp(0.0, (columns - 1) as f32) as usize;
        let row = (corner.y / side).clamp(0.0, (rows - 1) as f32) as usize;
        (column, row)
    };

    let mut order: Vec<usize> = (0..corners.len()).collect();
    order.sort_by(|&a, &b| corners[b].response.total_cmp(&corners[a].response).then(a.cmp(&b)));
    let mut cells: Vec<Vec<usize>> = vec![Vec::new(); columns * rows];
    for index in order {
        let (column, row) = cell_of(&corners[index]);
        let repeats = (row.saturating_sub(1)..=(row + 1).min(rows - 1))
            .flat_map(|r| (column.saturating_sub(1)..=(column + 1).min(columns - 1)).map(move |c| (c, r)))
            .flat_map(|(c, r)| cells[r * columns + c].iter())
            .any(|&other| repeats(&corners[index], &corners[other]));
        if !repeats {
            cells[row * columns + column].push(index);
        }
    }

    let mut chosen = Vec::with_capacity(count);
    let deepest = cells.iter().map(Vec::len).max().unwrap_or(0);
    for rank in 0..deepest {
        let mut round: Vec<usize> = cells.iter().filter_map(|cell| cell.get(rank).copied()).collect();
        let free = count - chosen.len();
        if round.len() > free {
            round.sort_by(|&a, &b| corners[b].response.total_cmp(&corners[a].response).then(a.cmp(&b)));
            round.truncate(free);
        }
        chosen.extend(round);
        if chosen.len() == count {
            break;
        }
    }
    chosen.sort_unstable();
    chosen
}

fn repeats(a: &Corner, b: &Corner) -> bool {
    (a.octave - b.octave).abs() <= 1 && (a.x - b.x).abs() < SAME_CORNER_PX && (a.y - b.y).abs() < SAME_CORNER_PX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_textured_half_does_not_take_all() {
        let strong = (0..2000).map(|i| Corner {
            x: (i % 50) as f32 * 6.0,
            y: (i / 50) as f32 * 11.0,
            response: 100.0 + i as f32,
            octave: 0,
        });
        let weak = (0..200).map(|i| Corner {
            x: 320.0 + (i % 20) as f32 * 15.0,
            y: (i / 20) as f32 * 45.0,
            response: 1.0,
            octave: 0,
        });
        let corners: Vec<Corner> = strong.chain(weak).collect();
        let chosen = spread_evenly(&corners, 640, 480, 400);
        assert_eq!(chosen.len(), 400);
        let right = chosen.iter().filter(|&&i| corners[i].x >= 320.0).count();
        // Its corners lie in some 110 cells, each of which gives its best one first.
        assert!(right >= 100, "{right} of 400 in the weak half");
    }

    #[test]
    fn corners_seen_twice_count_once() {
        let corner = |x, octave, response| Corner { x, y: 50.0, response, octave };
        let corners = [corner(50.0, 0, 1.0), corner(51.0, 1, 2.0), corner(51.0, 4, 1.0), corner(80.0, 0, 1.0)];
        assert_eq!(spread_evenly(&corners, 100, 100, 10), vec![1, 2, 3]);
        assert!(spread_evenly(&[], 100, 100, 10).is_empty());
    }
}
