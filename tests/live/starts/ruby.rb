require 'digest'
require 'set'
seen = Hash.new { |hash, key| hash[key] = [] }
(1..3000).each { |n| seen[n % 17] << n.to_s(7) }
Thread.new { puts Digest::SHA256.hexdigest(seen.sort.inspect) }.join
