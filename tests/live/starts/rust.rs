// Vectors, a map, threads that send.
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;

fn main() {
    let (sender, receiver) = mpsc::channel();
    for n in 0..4u64 {
        let sender = sender.clone();
        thread::spawn(move || {
            let sum = (0..20000u64).fold(n, |sum, i| sum.rotate_left(5) ^ i.wrapping_mul(0x9e3779b97f4a7c15));
            sender.send((n, sum)).unwrap();
        });
    }
    drop(sender);
    let sums: BTreeMap<u64, u64> = receiver.iter().collect();
    println!("{:x?}", sums);
}
