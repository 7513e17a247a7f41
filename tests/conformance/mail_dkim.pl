#!/usr/bin/perl
# Mail::DKIM's end of dkim_matrix.py: many messages in one process. Standard input and output are netstrings.
#
#   mail_dkim.pl verify PORT         in: the message; out: a line per signature: its result
#   mail_dkim.pl sign KEY.pem        in: "DOMAIN HEADER-CANON BODY-CANON", then the message; out: the signed message
#
# PORT: where on 127.0.0.1 a DNS server answers. It knows RSA only.
use strict;
use warnings;
use Mail::DKIM::DNS;
use Mail::DKIM::PrivateKey;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;
use Net::DNS::Resolver;

binmode STDIN;
binmode STDOUT;
my ($mode, $with) = @ARGV;
my $key;

sub next_string {
    local $/ = ':';
    my $size = <STDIN>;
    return unless defined $size;
    chomp $size;
    my $bytes = '';
    while (length($bytes) < $size + 1) {
        read(STDIN, $bytes, $size + 1 - length($bytes), length($bytes)) or die "short input";
    }
    chop $bytes;
    return $bytes;
}

sub verify {
    my $dkim = Mail::DKIM::Verifier->new;
    $dkim->PRINT(shift);
    $dkim->CLOSE;
    return join '', map { $_->result . "\n" } $dkim->signatures;
}

sub sign {
    my ($domain, $header, $body) = split / /, shift;
    my $message = shift;
    my $dkim = Mail::DKIM::Signer->new(
        Algorithm => 'rsa-sha256', Method => "$header/$body", Domain => $domain, Selector => 'rsa', Key => $key);
    $dkim->PRINT($message);
    $dkim->CLOSE;
    my $field = $dkim->signature->as_string;
    $field =~ s/\r?\n/\r\n/g;
    return "$field\r\n$message";
}

if ($mode eq 'verify') {
    Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $with, recurse => 0));
} else {
    $key = Mail::DKIM::PrivateKey->load(File => $with);
}
while (defined(my $first = next_string())) {
    my $out = eval { $mode eq 'verify' ? verify($first) : sign($first, next_string()) } // "died: $@";
    print length($out), ':', $out, ',';
}
