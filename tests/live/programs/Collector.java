// Threads that make garbage all the time under a small heap, so that the collector's threads are always busy.
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

public class Collector {
    static long work(int seed) {
        Map<Integer, List<String>> map = new HashMap<>();
        long sum = seed;
        for (int i = 0; i < 12000; ++i) {
            sum = sum * 6364136223846793005L + 1442695040888963407L;
            int key = (int) (sum >>> 40) % 500;
            map.computeIfAbsent(key, k -> new ArrayList<>()).add("item " + sum);
            if (map.get(key).size() > 12)
                map.put(key, new ArrayList<>(map.get(key).subList(6, 12)));
        }
        for (List<String> list : map.values())
            for (String text : list)
                sum += text.hashCode();
        return sum;
    }

    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        int length = Integer.parseInt(System.getenv("LENGTH"));
        List<Future<Long>> results = new ArrayList<>();
        for (int job = 0; job < 150 * length; ++job) {
            int seed = job;
            results.add(pool.submit(() -> work(seed)));
        }
        for (Future<Long> result : results)
            System.out.println(result.get());
        pool.shutdown();
    }
}
