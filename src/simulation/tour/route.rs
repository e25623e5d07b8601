//! Where the robot goes: from room to room through doors, once round each, and back again.

use crate::simulation::flat::{Lanes, distance};
use crate::simulation::random::Random;

/// The nodes of a route of at least `length` (m), in order. A longer route begins like a shorter one of the same seed.
pub fn route(lanes: &Lanes, seed: u64, length: f64) -> Vec<usize> {
    let mut random = Random::new(seed, 2000);
    let rooms: Vec<usize> = (0..lanes.loops.len()).filter(|&room| !lanes.loops[room].is_empty()).collect();
    let mut room = rooms[random.below(rooms.len())];
    let ring = &lanes.loops[room];
    let mut nodes = vec![ring[random.below(ring.len())]];
    let mut visited = vec![room];
    let mut driven = 0.0;
    // One edge more than the circle, so that even a short tour sees a place again.
    drive_round(lanes, room, random.chance(0.5), 1, &mut nodes);
    loop {
        driven += nodes.windows(2).map(|pair| distance(lanes.nodes[pair[0]], lanes.nodes[pair[1]])).sum::<f64>();
        // No allowance is needed for turns cut short: a corner saves at most half its radius.
        if driven > 1.25 * length + 5.0 {
            return nodes;
        }
        driven = 0.0;
        let fresh: Vec<usize> = rooms.iter().copied().filter(|room| !visited.contains(room)).collect();
        let others: Vec<usize> = visited.iter().copied().filter(|&other| other != room).collect();
        let go_back = fresh.is_empty() || (!others.is_empty() && random.chance(0.4));
        let choice = if go_back { &others } else { &fresh };
        room = choice[random.below(choice.len())];
        if !visited.contains(&room) {
            visited.push(room);
        }
        let way = shortest(lanes, &nodes, &lanes.loops[room]);
        nodes.extend(way);
        drive_round(lanes, room, random.chance(0.5), 0, &mut nodes);
    }
}

/// Goes round a room's loop from the last node, `extra` edges more than once; turns the other way round if the first
/// choice were a turn on the spot.
fn drive_round(lanes: &Lanes, room: usize, counter_clockwise: bool, extra: usize, nodes: &mut Vec<usize>) {
    let ring = &lanes.loops[room];
    let (Some(&last), previous) = (nodes.last(), nodes.len().checked_sub(2).map(|i| nodes[i])) else { return };
    let Some(start) = ring.iter().position(|&node| node == last) else { return };
    let at = |step: usize, forward: bool| {
        let count = ring.len();
        ring[if forward { (start + step) % count } else { (start + count - step % count) % count }]
    };
    let forward = if previous == Some(at(1, counter_clockwise)) { !counter_clockwise } else { counter_clockwise };
    nodes.extend((1..=ring.len() + extra).map(|step| at(step, forward)));
}

/// The nodes of the shortest way from the end of `driven` to one of `goals`, without turning on the spot (Dijkstra over
/// directed edges).
fn shortest(lanes: &Lanes, driven: &[usize], goals: &[usize]) -> Vec<usize> {
    let count = lanes.nodes.len();
    let (Some(&start), from) = (driven.last(), driven.len().checked_sub(2).map_or(count, |i| driven[i])) else {
        return Vec::new();
    };
    // A state is (node before, node); `count` stands for none.
    let state = |before: usize, node: usize| before * count + node;
    let mut costs = vec![f64::INFINITY; (count + 1) * count];
    let mut parents = vec![usize::MAX; (count + 1) * count];
    let mut open = vec![state(from, start)];
    costs[open[0]] = 0.0;
    while let Some(index) = (0..open.len()).min_by(|&a, &b| costs[open[a]].total_cmp(&costs[open[b]])) {
        let current = open.swap_remove(index);
        let (before, node) = (current / count, current % count);
        if goals.contains(&node) && current != state(from, start) {
            let mut way = Vec::new();
            let mut step = current;
            while parents[step] != usize::MAX {
                way.push(step % count);
                step = parents[step];
            }
            way.reverse();
            return way;
        }
        for &next in lanes.neighbours[node].iter().filter(|&&next| next != before) {
            let cost = costs[current] + distance(lanes.nodes[node], lanes.nodes[next]);
            let reached = state(node, next);
            if cost < costs[reached] {
                if costs[reached].is_infinite() {
                    open.push(reached);
                }
                costs[reached] = cost;
                parents[reached] = current;
            }
        }
    }
    Vec::new()
}
