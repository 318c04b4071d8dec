<?php

// Send a document and receive it with PHP's own SoapClient (Debian: php-cli, php-soap).

declare(strict_types=1);

function env(string $name): string
{
    $value = getenv("EXCHANGE_$name");
    return $value === false ? throw new RuntimeException("EXCHANGE_$name is not set") : $value;
}

// The client, with the proof of who we are. A WSDL with two ports gives PHP the first, SOAP 1.1:
// `?wsdl=1.2` has the other one alone.
function connect(): SoapClient
{
    $soap = env('SOAP');
    return new SoapClient(env('URL') . "?wsdl=$soap", [
        'soap_version' => $soap === '1.1' ? SOAP_1_1 : SOAP_1_2,
        'login' => env('AGENCY'),
        'password' => env('TOKEN'),
        'cache_wsdl' => WSDL_CACHE_NONE,
        // A list of one is a list.
        'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
    ]);
}

// The document as nested arrays, whose keys are the names in the WSDL; base64 is made by SoapClient.
function document(): array
{
    $file = [
        'ContentId' => 'tep-1',
        'AttachmentName' => 'phụ-lục.bin',
        'ContentType' => 'application/octet-stream',
    ];
    $timestamp = env('TIMESTAMP');
    $issued = env('MODE') === 'fault' ? env('BAD_DATE') : substr($timestamp, 0, 10);
    $header = [
        'From' => ['OrganId' => env('AGENCY')],
        'To' => [['OrganId' => env('RECIPIENT')]],
        'DocumentId' => env('DOCUMENT_ID'),
        'Code' => ['CodeNumber' => env('NUMBER'), 'CodeNotation' => 'UBND-VP'],
        'PromulgationInfo' => ['Place' => 'Đà Nẵng', 'PromulgationDate' => $issued],
        'DocumentType' => ['Type' => 2, 'TypeName' => 'Công văn'],
        'Subject' => env('SUBJECT'),
        'SignerInfo' => ['FullName' => 'Văn thư mẫu'],
        'OtherInfo' => [
            'Priority' => 1,
            'Appendixes' => ['Appendix' => ['Phụ lục số 1: danh mục văn bản gửi kèm']],
        ],
    ];
    $trace = ['TraceHeader' => [['OrganId' => env('AGENCY'), 'Timestamp' => $timestamp]]];
    return [
        'edXMLEnvelope' => [
            'edXMLHeader' => ['MessageHeader' => $header, 'TraceHeaderList' => $trace],
            'edXMLBody' => ['edXMLManifest' => ['Reference' => [$file]]],
        ],
        'AttachmentEncoded' => ['Attachment' => [
            $file + ['ContentTransferEncoded' => file_get_contents(env('ATTACHMENT'))],
        ]],
    ];
}

function send(SoapClient $bus): object
{
    return $bus->SendDocument(['edXML' => document()])->Receipt;
}

// Wait until the recipient's mailbox has the message.
function find(SoapClient $bus, string $messageId): object
{
    for ($try = 0; $try < 100; $try++) {
        $page = $bus->ListPending(['agency' => env('RECIPIENT'), 'limit' => 500]);
        foreach ($page->Pending ?? [] as $item) {
            if ($item->messageId === $messageId) {
                return $item;
            }
        }
        usleep(200_000);
    }
    throw new RuntimeException("$messageId is not in the mailbox of " . env('RECIPIENT'));
}

// Send, list, get, acknowledge.
function exchange(SoapClient $bus): void
{
    $receipt = send($bus);
    $accepted = (new DateTimeImmutable($receipt->acceptedAt))->setTimezone(new DateTimeZone('UTC'));
    echo "ok send $receipt->messageId {$accepted->format('Y-m-d\TH:i:s\Z')}\n";
    $item = find($bus, $receipt->messageId);
    echo "ok list $item->messageId\n";
    $mine = ['agency' => env('RECIPIENT'), 'messageId' => $item->messageId];
    $message = $bus->GetMessage($mine);
    $digest = hash('sha256', $message->content);
    if ($digest !== $receipt->digest) {
        throw new RuntimeException("$digest is not the digest of the receipt, $receipt->digest");
    }
    file_put_contents(env('FETCHED'), $message->content);
    echo "ok get $digest\n";
    $done = $bus->Acknowledge($mine + ['outcome' => 'done']);
    echo "ok acknowledge $done->state\n";
}

// Send what must be refused and read the fault as the type that the WSDL declares.
function provoke(SoapClient $bus): void
{
    try {
        send($bus);
    } catch (SoapFault $fault) {
        $told = $fault->detail->ExchangeFault;
        // In details PHP leaves numbers and booleans as text, and a list of one as the one.
        $problems = is_array($told->Problem) ? $told->Problem : [$told->Problem];
        $retryable = $told->retryable === 'true' ? 'true' : 'false';
        $value = $problems[0]->value;
        echo "ok fault $told->code $retryable $told->correlationId $told->line $value\n";
        return;
    }
    throw new RuntimeException('the bus accepted a date that no calendar has');
}

$bus = connect();
env('MODE') === 'fault' ? provoke($bus) : exchange($bus);
