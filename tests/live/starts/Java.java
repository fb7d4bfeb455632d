import java.util.stream.Collectors;
import java.util.stream.IntStream;

public class Java {
    public static void main(String[] arguments) throws Exception {
        String text = IntStream.range(0, 2000).mapToObj(n -> Integer.toString(n, 7)).collect(Collectors.joining(","));
        Thread thread = new Thread(() -> System.out.println(text.hashCode() + " " + String.format("%08x", text.length())));
        thread.start();
        thread.join();
    }
}
