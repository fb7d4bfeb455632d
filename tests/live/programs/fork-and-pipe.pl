# needs: perl
# Four children that work and report through one pipe each; the parent puts it together.
use strict;
use warnings;

my @readers;
for my $child (1 .. 4) {
    pipe(my $reader, my $writer) or die "pipe: $!";
    my $pid = fork() // die "fork: $!";
    if ($pid == 0) {
        close $reader;
        my ($x, %seen) = ($child);
        for my $i (1 .. 700_000 * $ENV{LENGTH}) {
            $x = ($x * 1103515245 + 12345) % 2147483648;
            ++$seen{ $x % 97 };
            print {$writer} "$child $i $x $seen{$x % 97}\n" if $i % 70_000 == 0;
        }
        close $writer;
        exit $child;
    }
    close $writer;
    push @readers, [$pid, $reader];
}
for (@readers) {
    my ($pid, $reader) = @$_;
    print while <$reader>;
    waitpid($pid, 0);
    print "ended with ", $? >> 8, "\n";
}
