// Threads that pass work over channels, with maps and vectors that grow.
use std::collections::BTreeMap;
use std::env;
use std::sync::{mpsc, Arc, Mutex};
use std::thread;

fn work(seed: u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e3779b97f4a7c15) | 1;
    let mut seen = BTreeMap::new();
    for i in 0..3000u64 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *seen.entry(state % 701).or_insert(0u64) += i;
    }
    seen.iter().fold(state, |sum, (key, value)| sum.rotate_left(5) ^ key.wrapping_mul(*value))
}

fn main() {
    let jobs = 9000 * env::var("LENGTH").unwrap().parse::<u64>().unwrap();
    let (sender, receiver) = mpsc::channel();
    let next = Arc::new(Mutex::new(0u64));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (sender, next) = (sender.clone(), Arc::clone(&next));
            thread::spawn(move || loop {
                let job = {
                    let mut next = next.lock().unwrap();
                    *next += 1;
                    *next
                };
                if job > jobs {
                    return;
                }
                sender.send((job, work(job))).unwrap();
            })
        })
        .collect();
    drop(sender);
    let results: BTreeMap<u64, u64> = receiver.iter().collect();
    for thread in threads {
        thread.join().unwrap();
    }
    for (job, result) in &results {
        println!("{job} {result:016x}");
    }
}
